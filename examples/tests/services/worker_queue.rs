//! The blocking worker: what its clients are answered, and what its pages say.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use crate::process::{Service, connect};

/// Sends jobs, one a line, and waits for no answer.
fn send(service: &Service, jobs: &str) -> BufReader<TcpStream> {
    let mut client = connect(service.address);
    client.write_all(jobs.as_bytes()).expect("it reads");
    BufReader::new(client)
}

fn answer(client: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    client.read_line(&mut line).expect("an answer");
    line
}

#[test]
fn a_job_that_panics_is_counted_and_the_worker_goes_on() {
    let service = Service::start("worker_queue");
    let mut client = send(&service, "5\nwhale\n0\n10\n");
    assert_eq!(answer(&mut client), "done, 200 a second\n");
    assert_eq!(answer(&mut client), "error: not a number of milliseconds\n");
    assert_eq!(answer(&mut client), "error: the worker failed\n");
    assert_eq!(answer(&mut client), "done, 100 a second\n");
    for line in [
        "service_requests_in_flight{method=\"Job\"} 0",
        "service_request_duration_seconds_count{method=\"Job\",status=\"success\"} 2",
        "service_request_errors_total{method=\"Job\",type=\"invalid\"} 1",
        "service_request_errors_total{method=\"Job\",type=\"worker\"} 1",
        "service_request_errors_total{method=\"Work\",type=\"panic\"} 1",
        // `Work` is a part of a job: the totals are about jobs.
        "service_tasks_completed_total 4",
        "queue_depth 0",
        "service_queue_time_seconds_count{method=\"Work\"} 3",
    ] {
        service.wait_for_metric(line);
    }
    assert_eq!(service.page("/health").status, 200);
    assert_eq!(service.page("/livez").status, 200);
}

#[test]
fn a_full_queue_refuses_jobs_and_health_says_so() {
    let service = Service::start("worker_queue");
    let _in_work = send(&service, "60000\n");
    service.wait_for_metric("service_requests_in_flight{method=\"Work\"} 1");
    let _waiting = [(); 4].map(|()| send(&service, "5\n"));
    service.wait_for_metric("queue_depth 4");
    for _ in 0..15 {
        let mut refused = send(&service, "5\n");
        assert_eq!(answer(&mut refused), "error: the queue is full\n");
    }
    service.wait_for_metric("service_request_errors_total{method=\"Job\",type=\"queue_full\"} 15");
    service.wait_for_metric("service_requests_in_flight{method=\"Job\"} 5");
    service.wait_for_metric("queue_depth 4");
    let health = service.wait_for_status("/health", 503).body;
    let share = "\"failure_share\":{\"method\":\"Job\",\"share\":1";
    assert!(health.contains(share), "{health}");
}

#[test]
fn a_worker_that_hangs_fails_the_liveness_probe() {
    let service = Service::start("worker_queue");
    assert_eq!(service.page("/livez").status, 200);
    let _client = send(&service, "60000\n");
    service.wait_for_status("/livez", 503);
}

#[test]
fn jobs_that_were_taken_are_answered_before_the_end() {
    let service = Service::start("worker_queue");
    let mut clients = [send(&service, "1000\n"), send(&service, "1000\n")];
    service.wait_for_metric("service_requests_in_flight{method=\"Job\"} 2");
    service.terminate();
    service.wait_for_status("/readyz", 503);
    let mut late = send(&service, "5\n");
    assert_eq!(answer(&mut late), "error: the service stops\n");
    for client in &mut clients {
        assert_eq!(answer(client), "done, 1 a second\n");
    }
    assert!(service.wait().success());
}
