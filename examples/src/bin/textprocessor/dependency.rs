//! A dependency over TCP that can be down: a dictionary, and the client the service asks it with.
//!
//! Both run in this process, so that one command shows the effect of a lost dependency on metrics and health. The protocol
//! is one line each way: words separated by spaces, answered by those of them that the dictionary does not know.

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use monitor_core::errors::{ErrorText, ErrorView};
use monitor_core::{Method, Outcome};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

use crate::error::DictionaryError;
use crate::incident::{Faults, Incident};

/// How long the client waits for an answer.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long the dictionary takes for an answer: it stands for one across a network.
const AWAY: Duration = Duration::from_millis(20);
/// Longest line either side takes, bytes.
const MAX_LINE: u64 = 1 << 20;

type Connection = BufStream<TcpStream>;

/// What the dictionary's connections share.
#[derive(Debug, Clone)]
struct Words {
    known: Arc<BTreeSet<String>>,
    faults: Faults,
}

/// The dictionary: a TCP server that can be stopped and started again at the same address.
#[derive(Debug)]
pub(crate) struct Dictionary {
    addr: SocketAddr,
    words: Words,
    /// `None` while stopped.
    running: Mutex<Option<AbortHandle>>,
}

impl Dictionary {
    /// Starts on a free loopback port.
    pub(crate) async fn launch(known: BTreeSet<String>, faults: Faults) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let words = Words {
            known: Arc::new(known),
            faults,
        };
        let running = Mutex::new(Some(spawn(listener, words.clone())));
        Ok(Self {
            addr,
            words,
            running,
        })
    }

    /// The address it listens on while it runs.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Starts it again; does nothing while it runs.
    pub(crate) async fn start(&self) -> io::Result<()> {
        if self.is_running() {
            return Ok(());
        }
        let listener = TcpListener::bind(self.addr).await?;
        *lock(&self.running) = Some(spawn(listener, self.words.clone()));
        Ok(())
    }

    /// Closes the port and every connection.
    pub(crate) fn stop(&self) {
        if let Some(running) = lock(&self.running).take() {
            running.abort();
        }
    }

    /// Whether it listens.
    pub(crate) fn is_running(&self) -> bool {
        lock(&self.running).is_some()
    }
}

/// The state behind these locks is whole at any moment, so a poisoned lock is as good as another.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn spawn(listener: TcpListener, words: Words) -> AbortHandle {
    tokio::spawn(accept(listener, words)).abort_handle()
}

/// Owns its connections, so aborting this task closes them too.
async fn accept(listener: TcpListener, words: Words) {
    let mut connections = JoinSet::new();
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            connections.spawn(answer(BufStream::new(stream), words.clone()));
        } else {
            // Out of descriptors: wait for some to be closed instead of spinning.
            sleep(Duration::from_millis(50)).await;
        }
        while connections.try_join_next().is_some() {}
    }
}

/// In the incident `dictionary` the next line it reads is the end of the connection, once the client has had enough.
async fn answer(mut connection: Connection, words: Words) -> io::Result<()> {
    while let Some(line) = read_line(&mut connection).await? {
        if words.faults.is(Incident::Dictionary) {
            continue;
        }
        if !line.is_empty() && words.faults.leaves_unanswered() {
            words.faults.end_of(Incident::Stuck).await;
        }
        sleep(AWAY).await;
        let unknown: Vec<_> = line
            .split_whitespace()
            .filter(|word| !words.known.contains(*word))
            .collect();
        write_line(&mut connection, &unknown.join(" ")).await?;
    }
    Ok(())
}

async fn read_line(connection: &mut Connection) -> io::Result<Option<String>> {
    let mut line = String::new();
    connection.take(MAX_LINE).read_line(&mut line).await?;
    Ok(line.strip_suffix('\n').map(str::to_owned))
}

async fn write_line(connection: &mut Connection, line: &str) -> io::Result<()> {
    connection.write_all(line.as_bytes()).await?;
    connection.write_all(b"\n").await?;
    connection.flush().await
}

/// The check of the dictionary: a question without words, over a connection of its own. Its time limit is the check's.
pub(crate) async fn ping(addr: SocketAddr) -> Result<(), DictionaryError> {
    let unreachable = |source| DictionaryError::Unreachable { addr, source };
    let stream = TcpStream::connect(addr).await.map_err(unreachable)?;
    let mut connection = BufStream::new(stream);
    write_line(&mut connection, "").await.map_err(unreachable)?;
    let answer = read_line(&mut connection).await.map_err(unreachable)?;
    answer
        .map(drop)
        .ok_or_else(|| unreachable(io::ErrorKind::UnexpectedEof.into()))
}

/// The service's side: keeps idle connections for the next question.
#[derive(Debug)]
pub(crate) struct DictionaryClient {
    addr: SocketAddr,
    idle: Mutex<Vec<Connection>>,
    method: Method,
    faults: Faults,
}

impl DictionaryClient {
    /// A client of the dictionary at `addr`; its calls are recorded under `method`.
    pub(crate) fn new(addr: SocketAddr, method: Method, faults: Faults) -> Self {
        Self {
            addr,
            idle: Mutex::new(Vec::new()),
            method,
            faults,
        }
    }

    /// Those of `words` that the dictionary does not know.
    ///
    /// Recorded through the call API instead of the attribute: it shows a deadline, sizes and a value of a call.
    pub(crate) async fn unknown_words(
        &self,
        words: &BTreeSet<&str>,
    ) -> Result<Vec<String>, DictionaryError> {
        let question = words.iter().copied().collect::<Vec<_>>().join(" ");
        let mut call = self.method.start();
        call.deadline(self.time_limit());
        call.request_size(question.len() as u64);
        let answer = self.ask(&question).await;
        match &answer {
            Ok(unknown) => {
                call.response_size(unknown.len() as u64);
                call.observe(
                    "asked_words",
                    f64::from(u32::try_from(words.len()).unwrap_or(u32::MAX)),
                );
                call.finish(Outcome::Success);
            }
            Err(error) => call.finish(Outcome::Error(view(error))),
        }
        Ok(answer?.split_whitespace().map(str::to_owned).collect())
    }

    /// None in the incident `stuck`, as in a client whose time limit is not set.
    fn time_limit(&self) -> Option<Duration> {
        (!self.faults.is(Incident::Stuck)).then_some(PATIENCE)
    }

    async fn ask(&self, question: &str) -> Result<String, DictionaryError> {
        let exchange = self.exchange(question);
        let answer = match self.time_limit() {
            Some(limit) => timeout(limit, exchange)
                .await
                .map_err(|_| DictionaryError::TimedOut(limit))?,
            None => exchange.await,
        };
        answer.map_err(|source| DictionaryError::Unreachable {
            addr: self.addr,
            source,
        })
    }

    /// A kept connection may have died since: then a new one decides.
    async fn exchange(&self, question: &str) -> io::Result<String> {
        let kept = lock(&self.idle).pop();
        if let Some(connection) = kept
            && let Ok(answer) = self.exchange_on(connection, question).await
        {
            return Ok(answer);
        }
        let connection = BufStream::new(TcpStream::connect(self.addr).await?);
        self.exchange_on(connection, question).await
    }

    async fn exchange_on(&self, mut connection: Connection, question: &str) -> io::Result<String> {
        write_line(&mut connection, question).await?;
        let answer = read_line(&mut connection)
            .await?
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        lock(&self.idle).push(connection);
        Ok(answer)
    }
}

fn view(error: &DictionaryError) -> ErrorView<'_> {
    ErrorView {
        type_name: std::any::type_name::<DictionaryError>(),
        text: ErrorText::Error(error),
    }
}

#[cfg(test)]
mod tests {
    use monitor_core::Monitor;

    use super::*;

    async fn pair() -> (Dictionary, DictionaryClient) {
        let words = ["whale", "sea"].map(str::to_owned).into();
        let faults = Faults::default();
        let dictionary = Dictionary::launch(words, faults.clone())
            .await
            .expect("a free port");
        let method = Monitor::global()
            .method("LookUpWords")
            .expect("a valid name");
        let client = DictionaryClient::new(dictionary.addr(), method, faults);
        (dictionary, client)
    }

    #[tokio::test]
    async fn it_tells_known_words_from_unknown_ones() {
        let (_dictionary, client) = pair().await;
        let unknown = client
            .unknown_words(&["sea", "wahle", "whale"].into())
            .await;
        assert_eq!(unknown.ok(), Some(vec!["wahle".to_owned()]));
        let unknown = client.unknown_words(&["sea"].into()).await;
        assert_eq!(unknown.ok(), Some(vec![]));
    }

    #[tokio::test]
    async fn it_is_unreachable_while_stopped_and_answers_when_started_again() {
        let (dictionary, client) = pair().await;
        client
            .unknown_words(&["sea"].into())
            .await
            .expect("it runs");
        dictionary.stop();
        // The abort takes effect when the runtime gets to it.
        tokio::task::yield_now().await;
        let refused = client.unknown_words(&["sea"].into()).await;
        assert!(
            matches!(refused, Err(DictionaryError::Unreachable { .. })),
            "{refused:?}"
        );
        dictionary.start().await.expect("the same port again");
        client
            .unknown_words(&["sea"].into())
            .await
            .expect("it runs again");
    }

    #[tokio::test]
    async fn in_an_incident_it_times_out_and_the_check_gets_no_answer() {
        let (dictionary, client) = pair().await;
        client.faults.begin(Incident::Dictionary);
        let late = client.unknown_words(&["sea"].into()).await;
        assert!(
            matches!(late, Err(DictionaryError::TimedOut(_))),
            "{late:?}"
        );
        let pinged = timeout(PATIENCE, ping(dictionary.addr())).await;
        assert!(pinged.is_err(), "{pinged:?}");
        client.faults.end();
        ping(dictionary.addr()).await.expect("it answers again");
    }

    #[tokio::test]
    async fn a_question_that_is_left_unanswered_ends_with_the_incident() {
        let (_dictionary, client) = pair().await;
        client.faults.begin(Incident::Stuck);
        let words = ["sea"].into();
        let mut asked = std::pin::pin!(client.unknown_words(&words));
        let waited = timeout(PATIENCE * 2, &mut asked).await;
        assert!(waited.is_err(), "{waited:?}");
        client.faults.end();
        assert_eq!(asked.await.ok(), Some(vec![]));
    }
}
