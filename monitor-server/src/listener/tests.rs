//! The accept loop on a real socket.

use std::io::Write;
use std::net::TcpStream;

use tokio::io::AsyncReadExt;
use tokio::sync::watch;

use super::*;
use crate::config::Limits;

/// The request of the first and the second connection arrive together, as on a machine that was busy with something
/// else.
#[tokio::test]
async fn a_request_that_is_there_is_looked_at_before_a_newcomer_takes_its_place() {
    let (_stopping, stop) = watch::channel(false);
    let limits = Limits::default().max_connections(1);
    let routes = connection::tests::routes(Duration::from_millis(100));
    let context = connection::tests::context(routes, limits, stop);
    let metrics = Arc::clone(&context.server.metrics);
    let socket = bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).expect("a free port");
    let address = socket.endpoint().expect("bound").tcp().expect("TCP");
    let asked = async {
        let mut first = TcpStream::connect(address).expect("it listens");
        tokio::time::sleep(Duration::from_millis(50)).await;
        let request = b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n";
        first.write_all(request).expect("room");
        let _second = TcpStream::connect(address).expect("it listens");
        first.set_nonblocking(true).expect("a socket");
        let mut first = tokio::net::TcpStream::from_std(first).expect("a socket");
        let mut answer = String::new();
        let _ = first.read_to_string(&mut answer).await;
        answer
    };
    let answer = tokio::select! {
        () = serve(socket, context) => panic!("it was not stopped"),
        answer = asked => answer,
    };
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer:?}");
    assert_eq!(metrics.connections.count(Ending::Full), 1);
}

#[test]
fn a_url_can_be_opened_where_the_server_listens_on_all_addresses() {
    for (listens, url) in [
        ("[::]:9999", "http://localhost:9999/"),
        ("0.0.0.0:80", "http://localhost:80/"),
        ("127.0.0.1:9999", "http://127.0.0.1:9999/"),
        ("[::1]:9999", "http://[::1]:9999/"),
    ] {
        let address: SocketAddr = listens.parse().expect("an address");
        let endpoint = Endpoint::Tcp(address);
        assert_eq!(endpoint.url(false), url);
        assert_eq!(endpoint.url(true), url.replace("http", "https"));
    }
    let socket = Endpoint::Unix("/run/monitor.sock".into());
    assert_eq!(socket.url(false), "unix:/run/monitor.sock");
}
