//! The services among the examples, each run as a process: what a real client is answered, and what `/metrics` and the
//! probes say about it.

mod batch_job;
mod library_user;
mod pages;
mod process;
mod worker_queue;
