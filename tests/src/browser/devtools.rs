//! A connection to a browser over the `DevTools` protocol: JSON over a WebSocket, where answers have the number of their command,
//! and events come in between.
//!
//! <https://chromedevtools.github.io/devtools-protocol/> has all commands.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Message, WebSocket};

/// How long an answer may take, on a machine that is busy with other tests.
const ANSWER_LIMIT: Duration = Duration::from_mins(2);

/// One blocked read: as long as a wait for events may be late.
const READ_LIMIT: Duration = Duration::from_millis(100);

/// Longest message: a picture of a long page, or the heap of a snapshot, in base64.
const MESSAGE_BYTES: usize = 1 << 28;

/// What the browser said without being asked.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) method: String,
    pub(super) params: Value,
}

/// The connection, and the page that commands are for once it is attached to one.
#[derive(Debug)]
pub(super) struct DevTools {
    socket: WebSocket<TcpStream>,
    session: Option<String>,
    number: u64,
    events: Vec<Event>,
}

impl DevTools {
    /// Connects to the browser that listens there.
    pub(super) fn connect(port: u16, path: &str) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the browser listens");
        // Commands are small and wait for their answers.
        stream.set_nodelay(true).expect("an option of the system");
        let config = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_BYTES))
            .max_frame_size(Some(MESSAGE_BYTES));
        let url = format!("ws://127.0.0.1:{port}{path}");
        let connected = tungstenite::client::client_with_config(url, stream, Some(config));
        let (socket, _) = connected.expect("the browser speaks WebSocket");
        let limit = socket.get_ref().set_read_timeout(Some(READ_LIMIT));
        limit.expect("a valid time limit");
        Self {
            socket,
            session: None,
            number: 0,
            events: Vec::new(),
        }
    }

    /// Makes an empty page, which further commands are for.
    pub(super) fn attach(&mut self) {
        let page = self.call("Target.createTarget", &json!({ "url": "about:blank" }));
        let target = json!({ "targetId": page["targetId"], "flatten": true });
        let session = self.call("Target.attachToTarget", &target);
        self.session = session["sessionId"].as_str().map(str::to_owned);
    }

    /// Gives a command to the page, and waits for the answer.
    pub(super) fn call(&mut self, method: &str, params: &Value) -> Value {
        match self.try_call(method, params) {
            Ok(answer) => answer,
            Err(error) => panic!("{method}: {error}"),
        }
    }

    /// The same for a command that may fail.
    pub(super) fn try_call(&mut self, method: &str, params: &Value) -> Result<Value, String> {
        let number = self.send(method, params)?;
        let deadline = Instant::now() + ANSWER_LIMIT;
        while Instant::now() < deadline {
            let Some(message) = self.read()? else {
                continue;
            };
            if message["id"] == number {
                let error = &message["error"];
                return if error.is_null() {
                    Ok(message["result"].clone())
                } else {
                    Err(error.to_string())
                };
            }
            self.keep(message);
        }
        Err(format!("no answer within {ANSWER_LIMIT:?}"))
    }

    /// Waits until there is an event for which `look` has a value.
    pub(super) fn wait<T>(
        &mut self,
        what: &str,
        limit: Duration,
        look: impl Fn(&Event) -> Option<T>,
    ) -> T {
        let deadline = Instant::now() + limit;
        let mut seen = 0;
        loop {
            for event in &self.events[seen..] {
                if let Some(found) = look(event) {
                    return found;
                }
            }
            seen = self.events.len();
            assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
            match self.read() {
                Ok(Some(message)) => self.keep(message),
                Ok(None) => {}
                Err(error) => panic!("while waiting for {what}: {error}"),
            }
        }
    }

    /// Takes the events that came until now.
    pub(super) fn take_events(&mut self) -> Vec<Event> {
        // What happened before is told before the answer.
        if let Err(error) = self.try_call("Runtime.evaluate", &json!({ "expression": "0" })) {
            let params = json!({ "gone": error });
            let method = "Inspector.detached".to_owned();
            self.events.push(Event { method, params });
        }
        std::mem::take(&mut self.events)
    }

    fn send(&mut self, method: &str, params: &Value) -> Result<u64, String> {
        self.number += 1;
        let mut command = json!({ "id": self.number, "method": method, "params": params });
        // Commands of these two are for the browser itself.
        if !method.starts_with("Target.") && !method.starts_with("Browser.") {
            command["sessionId"] = json!(self.session);
        }
        let sent = self.socket.send(Message::text(command.to_string()));
        sent.map(|()| self.number)
            .map_err(|error| error.to_string())
    }

    /// The next message, or none for a short while.
    fn read(&mut self) -> Result<Option<Value>, String> {
        match self.socket.read() {
            Ok(Message::Text(text)) => serde_json::from_str(&text)
                .map(Some)
                .map_err(|error| error.to_string()),
            Ok(_) => Ok(None),
            Err(tungstenite::Error::Io(error))
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
            {
                Ok(None)
            }
            Err(error) => Err(error.to_string()),
        }
    }

    fn keep(&mut self, mut message: Value) {
        if let Some(method) = message["method"].as_str().map(str::to_owned) {
            let params = message["params"].take();
            self.events.push(Event { method, params });
        }
    }
}
