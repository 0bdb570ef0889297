//! Clients that stop in the middle: each is gone within its limit and a second.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

use crate::report::Report;
use crate::server::Server;

const HEAD: Duration = Duration::from_secs(1);
const CONNECTION: Duration = Duration::from_secs(3);
const CONFIG: &str = "limits: {header_timeout: 1, connection_timeout: 3}";

/// What a client sends before it stops, and how long it may last then.
const PHASES: [(&str, &str, Duration); 6] = [
    ("silence", "", HEAD),
    ("one byte", "G", HEAD),
    ("half an HTTP/2 preface", "PRI * HTTP/2.0\r\n", HEAD),
    (
        "half a head",
        "GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: te",
        HEAD,
    ),
    (
        "idle after an answer",
        "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n",
        HEAD,
    ),
    (
        "a slow body",
        "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab",
        CONNECTION,
    ),
];

/// Bar 3.
pub(crate) async fn phases(report: &mut Report) -> io::Result<()> {
    let server = Server::start(CONFIG)?;
    for (phase, sent, limit) in PHASES {
        let lasted = lasts(server.address, sent).await?;
        say(report, phase, lasted, limit);
    }
    let lasted = lasts_unread(server.address).await?;
    say(report, "never reads", lasted, CONNECTION);
    Ok(())
}

fn say(report: &mut Report, phase: &str, lasted: Duration, limit: Duration) {
    let most = limit + Duration::from_secs(1);
    let what = format!("{phase}: gone within {limit:?} + 1 s");
    report.say(what, format!("{lasted:.2?}"), lasted <= most);
}

/// How long a connection lasts that stops after these bytes.
async fn lasts(server: SocketAddr, sent: &str) -> io::Result<Duration> {
    let mut stream = TcpStream::connect(server).await?;
    stream.write_all(sent.as_bytes()).await?;
    let begun = Instant::now();
    // Closed or reset: gone.
    drop(timeout(Duration::from_secs(30), stream.read_to_end(&mut Vec::new())).await);
    Ok(begun.elapsed())
}

/// How long one lasts that asks for pages and reads none of them.
async fn lasts_unread(server: SocketAddr) -> io::Result<Duration> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(4096)?;
    let mut stream = socket.connect(server).await?;
    let begun = Instant::now();
    let request = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(8);
    stream.write_all(request.as_bytes()).await?;
    // Whoever is gone answers a byte with a reset, which shows at the next one.
    while stream.write_all(b"G").await.is_ok() && begun.elapsed() < Duration::from_secs(30) {
        sleep(Duration::from_millis(50)).await;
    }
    Ok(begun.elapsed())
}
