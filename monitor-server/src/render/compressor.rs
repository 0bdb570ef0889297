//! Gzip of a page, part by part as it is written: a large one then never is in memory whole.
//!
//! A small page is compressed where it is written. From [`BESIDE_FROM`] bytes on a job of the pool compresses, while the
//! page is written further: for 100,000 lines that hides the time of writing, which is half that of compressing. The
//! parts go to the job by a channel that holds [`AHEAD`] of them, and come back to be filled again. Where there is no
//! thread to be had, the page is compressed where it is written, whatever its size.

use std::io::Write;
use std::sync::mpsc::{self, Receiver, SendError, SyncSender};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::runtime::pool::Pool;

/// Fastest level. A page of 100,000 lines (6.6 MiB) takes 5.3 ms and comes out at 6.3 %; level 2 takes 2.2 times as
/// long for 5.6 %, level 6, the default, 7 times as long for 4.5 %. The backend is flate2's own (`miniz_oxide`, no
/// unsafe code): `zlib-rs` takes 4.7 ms on its fastest level, for 8.2 %.
const LEVEL: Compression = Compression::fast();

/// Bytes of a page from which on a job of the pool compresses: some 0.1 ms of writing, below which a hand-over to
/// another thread saves nothing.
const BESIDE_FROM: usize = 256 << 10;

/// Parts that wait for the job.
const AHEAD: usize = 2;

type Encoder = GzEncoder<Vec<u8>>;

/// Compresses one page.
pub(super) struct Compressor<'p> {
    pool: &'p Pool,
    written: usize,
    /// `None` once the job has it.
    here: Option<Encoder>,
    beside: Option<CompressorJob>,
}

/// The ends of a job's channels.
struct CompressorJob {
    parts: SyncSender<Vec<u8>>,
    /// Parts that were compressed.
    spare: Receiver<Vec<u8>>,
    finished: Receiver<Encoder>,
}

impl<'p> Compressor<'p> {
    pub(super) fn new(pool: &'p Pool) -> Self {
        Self {
            pool,
            written: 0,
            here: Some(GzEncoder::new(Vec::new(), LEVEL)),
            beside: None,
        }
    }

    /// Takes the next part.
    ///
    /// # Panics
    ///
    /// If the job panicked, which it never does: writing to memory does not fail.
    pub(super) fn take(&mut self, part: &[u8]) {
        let before = self.written;
        self.written += part.len();
        if before < BESIDE_FROM && self.written >= BESIDE_FROM {
            self.begin_job();
        }
        if let Some(job) = &self.beside {
            let mut copy = job.spare.try_recv().unwrap_or_default();
            copy.clear();
            copy.extend_from_slice(part);
            let sent = job.parts.send(copy);
            sent.expect("the job takes parts to the end");
        } else if let Some(encoder) = &mut self.here {
            compress(encoder, part);
        }
    }

    /// Hands the encoder to a job, if there is a thread for it.
    fn begin_job(&mut self) {
        let (give, given) = mpsc::sync_channel(1);
        let (parts, incoming) = mpsc::sync_channel::<Vec<u8>>(AHEAD);
        let (used, spare) = mpsc::channel();
        let (done, finished) = mpsc::sync_channel(1);
        let begun = self.pool.run(move || {
            let Ok(mut encoder) = given.recv() else {
                return;
            };
            for part in incoming {
                compress(&mut encoder, &part);
                // An error: the last part was written.
                let _ = used.send(part);
            }
            // An error: writing the page panicked.
            let _ = done.send(encoder);
        });
        let Some(encoder) = self.here.take() else {
            return;
        };
        match begun {
            Ok(()) => match give.send(encoder) {
                Ok(()) => {
                    self.beside = Some(CompressorJob {
                        parts,
                        spare,
                        finished,
                    });
                }
                Err(SendError(encoder)) => self.here = Some(encoder),
            },
            Err(_) => self.here = Some(encoder),
        }
    }

    /// The compressed page.
    ///
    /// # Panics
    ///
    /// As [`take`](Self::take).
    pub(super) fn finish(self) -> Vec<u8> {
        let beside = self.beside.map(|job| {
            drop(job.parts);
            job.finished
                .recv()
                .expect("the job returns the encoder at its end")
        });
        let encoder = beside.or(self.here).expect("here or with the job");
        let page = encoder.finish();
        page.expect("writing to a vector does not fail")
    }
}

fn compress(encoder: &mut Encoder, part: &[u8]) {
    encoder
        .write_all(part)
        .expect("writing to a vector does not fail");
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::time::Duration;

    use super::*;

    /// Parts of lines, of so many bytes in all.
    fn parts(bytes: usize) -> Vec<Vec<u8>> {
        let line = |at: usize| format!("a_metric{{label=\"{at}\"}} {}\n", at * 7919 % 1000);
        let text: String = (0..).map(line).take(bytes / 20 + 1).collect();
        let text = &text.as_bytes()[..bytes];
        text.chunks(10_000).map(<[u8]>::to_vec).collect()
    }

    /// Whether a job compressed the parts; and the text of the result.
    fn compressed(parts: &[Vec<u8>], pool: &Pool) -> (bool, Vec<u8>) {
        let mut compressor = Compressor::new(pool);
        for part in parts {
            compressor.take(part);
        }
        let is_beside = compressor.beside.is_some();
        let page = compressor.finish();
        let mut text = Vec::new();
        let read = flate2::read::GzDecoder::new(&*page).read_to_end(&mut text);
        read.expect("a whole page");
        (is_beside, text)
    }

    #[test]
    fn a_large_page_is_compressed_by_a_job_and_a_small_one_here() {
        let pool = Pool::default();
        for (bytes, is_beside) in [
            (0, false),
            (1, false),
            (BESIDE_FROM - 1, false),
            (BESIDE_FROM, true),
            (3_000_000, true),
        ] {
            let parts = parts(bytes);
            assert_eq!(
                compressed(&parts, &pool),
                (is_beside, parts.concat()),
                "{bytes}"
            );
        }
    }

    #[test]
    fn without_a_thread_a_large_page_is_compressed_here() {
        let pool = Pool::default();
        pool.close(Duration::ZERO);
        let parts = parts(1_000_000);
        assert_eq!(compressed(&parts, &pool), (false, parts.concat()));
    }

    #[test]
    fn a_page_that_is_given_up_ends_the_job() {
        let pool = Pool::default();
        let mut compressor = Compressor::new(&pool);
        for part in parts(1_000_000) {
            compressor.take(&part);
        }
        let job = compressor.beside.take().expect("a job");
        drop(compressor);
        drop(job.parts);
        // It returns the encoder and is done; a job that waited on would hold this up.
        assert!(job.finished.recv().is_ok());
    }
}
