//! Serves fixed pages, for series that no server of ours would record.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use monitor_core::exposition::Format;

use super::relay::read_head;

/// Path to format and page.
pub(crate) type Pages = BTreeMap<String, (Format, String)>;

/// Serves them on a free port. Ends with the process.
pub(crate) fn serve(pages: Pages) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = listener.local_addr().expect("bound");
    let pages = Arc::new(pages);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let pages = Arc::clone(&pages);
            thread::spawn(move || answer(stream, &pages));
        }
    });
    addr
}

fn answer(mut client: TcpStream, pages: &Pages) -> Option<()> {
    let head = read_head(&mut client)?;
    let path = head.split(' ').nth(1)?;
    let (format, page) = pages.get(path)?;
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        format.content_type(),
        page.len()
    );
    client.write_all(head.as_bytes()).ok()?;
    client.write_all(page.as_bytes()).ok()
}
