//! A scrape over HTTP with gzip, beside the compression alone.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use monitor_core::Monitor;
use monitor_core::collector::Page;
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

/// What is measured, in the order of a round.
const SCRAPED: usize = 0;
const COMPRESSED: usize = 1;
const SCRAPED_PROTOBUF: usize = 2;
const WRITTEN: usize = 3;
const WRITTEN_PROTOBUF: usize = 4;

/// Milliseconds of a scrape, and of the compression of its page alone; of a scrape in protobuf; and of writing and
/// compressing the page of a snapshot in both formats. Round by round.
pub(crate) struct Served {
    rounds: Vec<[f64; 5]>,
    pub(crate) bytes: usize,
    pub(crate) protobuf_bytes: usize,
}

impl Served {
    pub(crate) fn measure(rounds: usize) -> Self {
        let monitor = recorded(LINES, Calls::FullRings);
        let server = serve(monitor);
        let exporter = Exporter::new(PROFILE);
        let mut page = Vec::new();
        append_page(monitor, &exporter, &mut page);
        let mut protobuf = Vec::new();
        let snapshot = monitor.native_snapshot();
        exporter.encode(&snapshot, &[], Format::Protobuf, &mut protobuf);
        let written = Page::new(&exporter, monitor.snapshot(), Vec::new());
        let written_protobuf = Page::new(&exporter, snapshot, Vec::new());
        let measure = |which: usize| match which {
            SCRAPED => scrape(server.local_addr(), ""),
            COMPRESSED => compress(&page),
            SCRAPED_PROTOBUF => scrape(server.local_addr(), PROTOBUF),
            WRITTEN => write(&written, Format::Text004),
            _ => write(&written_protobuf, Format::Protobuf),
        };
        let rounds = (0..rounds).map(|round| {
            let mut millis = [0.0; 5];
            for step in 0..millis.len() {
                let which = (round + step) % millis.len();
                thread::sleep(APART);
                let start = Instant::now();
                measure(which);
                millis[which] = start.elapsed().as_secs_f64() * 1e3;
            }
            millis
        });
        let rounds = rounds.collect();
        server.shutdown();
        Self {
            rounds,
            bytes: page.len(),
            protobuf_bytes: protobuf.len(),
        }
    }

    /// The names and milliseconds of all that is measured, with the bytes of the page before compression.
    pub(crate) fn rows(&self) -> [(&'static str, usize, Figures); 5] {
        let row = |name, which: usize| {
            let is_protobuf = matches!(which, SCRAPED_PROTOBUF | WRITTEN_PROTOBUF);
            let bytes = if is_protobuf {
                self.protobuf_bytes
            } else {
                self.bytes
            };
            let millis = self.rounds.iter().map(|round| round[which]);
            (name, bytes, Figures::of(millis))
        };
        [
            row("a scrape over HTTP", SCRAPED),
            row("compressing alone", COMPRESSED),
            row("a scrape in protobuf", SCRAPED_PROTOBUF),
            row("written and compressed", WRITTEN),
            row("the same in protobuf", WRITTEN_PROTOBUF),
        ]
    }

    /// A scrape over the compression alone.
    pub(crate) fn ratio(&self) -> Figures {
        self.ratio_of(SCRAPED, COMPRESSED)
    }

    /// A page in protobuf over one of text, written and compressed from one snapshot.
    pub(crate) fn protobuf_ratio(&self) -> Figures {
        self.ratio_of(WRITTEN_PROTOBUF, WRITTEN)
    }

    fn ratio_of(&self, one: usize, other: usize) -> Figures {
        Figures::of(self.rounds.iter().map(|round| round[one] / round[other]))
    }
}

/// The page that is compressed alone is the one that is served.
const PROFILE: Profile = Profile::Servicekit;

const PROTOBUF: &str = "Accept: application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited\r\n";

fn serve(monitor: Monitor) -> MetricServerHandle {
    let config = MonitorConfig::default()
        .registry(prometheus::Registry::new())
        .profile(PROFILE)
        .native_histograms(true);
    let server = MetricServer::with_config(&config, monitor);
    let port = server.run_in_thread((Ipv4Addr::LOCALHOST, 0));
    port.expect("a port is free")
}

/// Writes and compresses a page as the server does.
fn write(page: &Page<'_>, format: Format) -> usize {
    let mut encoder = GzEncoder::new(Vec::new(), LEVEL);
    page.encode_in_parts(&[], format, |part| {
        encoder.write_all(part).expect("memory takes all");
    });
    encoder.finish().expect("memory takes all").len()
}

/// One scrape, as a scraper without a connection makes it; the answer is read and left compressed.
fn scrape(address: SocketAddr, accept: &str) -> usize {
    let request = format!(
        "GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n{accept}Connection: close\r\n\r\n"
    );
    let mut answer = Vec::new();
    let done = TcpStream::connect(address).and_then(|mut stream| {
        stream.write_all(request.as_bytes())?;
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
