//! The services among the examples, each run as a process: what a real client is answered, and what `/metrics` and the
//! probes say about it.

mod axum_first;
mod axum_service;
mod batch_job;
mod hyper_service;
mod library_user;
mod pages;
mod process;
mod tonic_service;
mod warp_service;
mod worker_queue;
