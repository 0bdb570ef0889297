//! Scrapes over HTTP with gzip, of a page of text and of one in protobuf, beside the compression of the text alone.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use monitor_core::Monitor;
use monitor_core::exposition::Format;
use monitor_core::names::{Exporter, Profile};
use monitor_server::{MetricServer, MetricServerHandle, MonitorConfig};

use crate::harness::Figures;
use crate::recorded::{Calls, append_page, recorded};

const LINES: usize = 100_000;

/// The server's level.
const LEVEL: Compression = Compression::new(1);

/// Between two scrapes: longer than the server may answer with a page it has compressed before.
const APART: Duration = Duration::from_millis(120);

/// What is timed, as the milliseconds of a round stand.
const TEXT: usize = 0;
const PROTOBUF: usize = 1;
const COMPRESSION: usize = 2;

/// Milliseconds of a scrape of text, of one in protobuf, and of the compression of the text, round by round.
pub(crate) struct Served {
    rounds: Vec<[f64; 3]>,
    /// Of the page as text.
    pub(crate) bytes: usize,
    /// Of the page in protobuf, with native histograms beside the classic ones.
    pub(crate) protobuf_bytes: usize,
}

impl Served {
    pub(crate) fn measure(rounds: usize) -> Self {
        let monitor = recorded(LINES, Calls::FullRings);
        let server = serve(monitor);
        let exporter = Exporter::new(Profile::Servicekit);
        let mut page = Vec::new();
        append_page(monitor, &exporter, &mut page);
        let mut messages = Vec::new();
        let snapshot = monitor.native_snapshot();
        exporter.encode(&snapshot, &[], Format::Protobuf, &mut messages);
        let rounds = (0..rounds).map(|round| {
            let mut millis = [0.0; 3];
            for part in 0..3 {
                let which = (round + part) % 3;
                thread::sleep(APART);
                let start = Instant::now();
                match which {
                    TEXT => scrape(server.local_addr(), Format::Text004),
                    PROTOBUF => scrape(server.local_addr(), Format::Protobuf),
                    _ => compress(&page),
                };
                millis[which] = start.elapsed().as_secs_f64() * 1e3;
            }
            millis
        });
        let rounds = rounds.collect();
        server.shutdown();
        Self {
            rounds,
            bytes: page.len(),
            protobuf_bytes: messages.len(),
        }
    }

    pub(crate) fn scraped(&self) -> Figures {
        self.millis(TEXT)
    }

    pub(crate) fn scraped_protobuf(&self) -> Figures {
        self.millis(PROTOBUF)
    }

    pub(crate) fn compressed(&self) -> Figures {
        self.millis(COMPRESSION)
    }

    fn millis(&self, which: usize) -> Figures {
        Figures::of(self.rounds.iter().map(|millis| millis[which]))
    }

    /// A scrape of text over the compression alone.
    pub(crate) fn ratio(&self) -> Figures {
        self.over(TEXT, COMPRESSION)
    }

    /// A scrape in protobuf over one of text.
    pub(crate) fn protobuf_ratio(&self) -> Figures {
        self.over(PROTOBUF, TEXT)
    }

    fn over(&self, above: usize, below: usize) -> Figures {
        let rounds = self.rounds.iter();
        Figures::of(rounds.map(|millis| millis[above] / millis[below]))
    }
}

/// The server has the names of the page that is compressed alone. It offers protobuf to all; the scrapes of text ask for
/// text.
fn serve(monitor: Monitor) -> MetricServerHandle {
    let config = MonitorConfig::default()
        .profile(Profile::Servicekit)
        .registry(prometheus::Registry::new())
        .native_histograms(true);
    let server = MetricServer::with_config(&config, monitor);
    let port = server.run_in_thread((Ipv4Addr::LOCALHOST, 0));
    port.expect("a port is free")
}

/// One scrape, as a scraper without a connection makes it; the answer is read and left compressed.
fn scrape(address: SocketAddr, format: Format) -> usize {
    let content_type = format.content_type();
    let request = format!(
        "GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: {content_type}\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n"
    );
    let mut answer = Vec::new();
    let done = TcpStream::connect(address).and_then(|mut stream| {
        stream.write_all(request.as_bytes())?;
        stream.read_to_end(&mut answer)
    });
    done.expect("the server answers");
    let head = String::from_utf8_lossy(&answer[..answer.len().min(1000)]).to_lowercase();
    let is_ok = head.starts_with("http/1.1 200");
    let is_zipped = head.contains("content-encoding: gzip\r\n");
    let is_format = head.contains(&format!(
        "content-type: {}\r\n",
        content_type.to_lowercase()
    ));
    assert!(is_ok && is_zipped && is_format, "no compressed page");
    answer.len()
}

fn compress(page: &[u8]) -> usize {
    let mut encoder = GzEncoder::new(Vec::with_capacity(page.len() / 8), LEVEL);
    let done = encoder.write_all(page).and_then(|()| encoder.finish());
    done.expect("memory takes all").len()
}
