//! A scrape over HTTP with gzip, beside the compression alone.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use monitor_core::Monitor;
use monitor_core::names::{Exporter, Profile};
use monitor_server::{MetricServer, MetricServerHandle};

use crate::harness::Figures;
use crate::recorded::{Calls, append_page, recorded};

const LINES: usize = 100_000;

/// The server's level.
const LEVEL: Compression = Compression::new(1);

/// Between two scrapes: longer than the server may answer with a page it has compressed before.
const APART: Duration = Duration::from_millis(120);

/// Milliseconds of a scrape, and of the compression of its page, round by round.
pub(crate) struct Served {
    rounds: Vec<[f64; 2]>,
    pub(crate) bytes: usize,
}

impl Served {
    pub(crate) fn measure(rounds: usize) -> Self {
        let monitor = recorded(LINES, Calls::FullRings);
        let server = serve(monitor);
        let mut page = Vec::new();
        append_page(monitor, &Exporter::new(Profile::Servicekit), &mut page);
        let rounds = (0..rounds).map(|round| {
            let mut millis = [0.0; 2];
            for half in 0..2 {
                let which = (round + half) % 2;
                thread::sleep(APART);
                let start = Instant::now();
                if which == 0 {
                    scrape(server.local_addr());
                } else {
                    compress(&page);
                }
                millis[which] = start.elapsed().as_secs_f64() * 1e3;
            }
            millis
        });
        let rounds = rounds.collect();
        server.shutdown();
        Self {
            rounds,
            bytes: page.len(),
        }
    }

    pub(crate) fn scraped(&self) -> Figures {
        Figures::of(self.rounds.iter().map(|[scraped, _]| *scraped))
    }

    pub(crate) fn compressed(&self) -> Figures {
        Figures::of(self.rounds.iter().map(|[_, compressed]| *compressed))
    }

    /// A scrape over the compression alone.
    pub(crate) fn ratio(&self) -> Figures {
        let rounds = self.rounds.iter();
        Figures::of(rounds.map(|[scraped, compressed]| scraped / compressed))
    }
}

fn serve(monitor: Monitor) -> MetricServerHandle {
    let server = MetricServer::new(prometheus::Registry::new(), false, monitor);
    let port = server.run_in_thread((Ipv4Addr::LOCALHOST, 0));
    port.expect("a port is free")
}

/// One scrape, as a scraper without a connection makes it; the answer is read and left compressed.
fn scrape(address: SocketAddr) -> usize {
    const REQUEST: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n";
    let mut answer = Vec::new();
    let done = TcpStream::connect(address).and_then(|mut stream| {
        stream.write_all(REQUEST)?;
        stream.read_to_end(&mut answer)
    });
    done.expect("the server answers");
    let is_zipped = answer
        .windows(24)
        .take(1000)
        .any(|bytes| bytes.eq_ignore_ascii_case(b"content-encoding: gzip\r\n"));
    assert!(
        answer.starts_with(b"HTTP/1.1 200") && is_zipped,
        "no compressed page"
    );
    answer.len()
}

fn compress(page: &[u8]) -> usize {
    let mut encoder = GzEncoder::new(Vec::with_capacity(page.len() / 8), LEVEL);
    let done = encoder.write_all(page).and_then(|()| encoder.finish());
    done.expect("memory takes all").len()
}
