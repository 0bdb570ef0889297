//! A stop with requests in every state.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::crowd::Crowd;
use crate::http;
use crate::report::Report;
use crate::server::Server;

const GRACE: Duration = Duration::from_secs(5);

/// Bar 5.
pub(crate) async fn in_order(report: &mut Report) -> io::Result<()> {
    let mut server = Server::start("limits: {stop_grace: 5, header_timeout: 60}")?;
    let address = server.address;
    server.tell("mood 4")?;
    let running = tokio::spawn(http::scrape(address));
    let mut crowd = Crowd::default();
    crowd.start(50, move || async move {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHo").await?;
        stream.read_to_end(&mut Vec::new()).await?;
        Ok(())
    });
    sleep(Duration::from_millis(500)).await;
    let answer = tokio::task::block_in_place(|| server.tell("stop"))?;
    let (took, is_free) = answer.split_once(' ').unwrap_or((&answer, "false"));
    let took = Duration::from_millis(took.parse().unwrap_or(u64::MAX));
    report.say(
        "stop with 50 half-sent requests and one that runs 2 s: within 5.5 s",
        format!("{took:.2?}"),
        took <= GRACE + Duration::from_millis(500),
    );
    let running = running.await?;
    let status = running.map_or_else(
        |error| error.to_string(),
        |answer| answer.status.to_string(),
    );
    report.say("the running one completes", &status, status == "200");
    report.say("the port is free at once", is_free, is_free == "true");
    let threads = server.process().threads()?;
    let left = threads
        .iter()
        .filter(|name| name.starts_with("monitor-ser") || name.starts_with("monitor-ren"));
    let left = left.count();
    report.say("threads of the server left", left, left == 0);
    drop(server);

    let mut server = Server::start("")?;
    let done = tokio::task::block_in_place(|| server.tell("restart 100"))?;
    report.say(
        "restarts on the same port: 100 of 100",
        &done,
        done == "100",
    );
    let answer = http::scrape(server.address).await;
    let status = answer.map_or_else(
        |error| error.to_string(),
        |answer| answer.status.to_string(),
    );
    report.say("it serves after the last", &status, status == "200");
    Ok(())
}
