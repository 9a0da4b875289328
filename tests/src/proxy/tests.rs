//! The proxy before a server that answers each piece with the same piece.

use std::{io::ErrorKind, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::{Cut, Direction, Mode, Proxy, target};

/// Nobody waits for it in a test that passes.
const LONG: Duration = Duration::from_secs(30);

async fn echo(tasks: &mut JoinSet<()>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            connections.spawn(async move {
                let (mut from, mut to) = stream.split();
                tokio::io::copy(&mut from, &mut to).await.ok();
            });
        }
    });
    address
}

async fn say(stream: &mut TcpStream, text: &str) -> std::io::Result<String> {
    stream.write_all(text.as_bytes()).await?;
    let mut heard = vec![0; text.len()];
    stream.read_exact(&mut heard).await?;
    Ok(String::from_utf8(heard).unwrap())
}

/// Nothing comes. The one place where silence itself is to be seen; a slow machine can only make it pass.
async fn is_silent(stream: &mut TcpStream) -> bool {
    tokio::time::timeout(Duration::from_millis(200), say(stream, "still there?")).await.is_err()
}

#[tokio::test]
async fn what_passes_passes_and_what_is_slow_is_slow() {
    let mut tasks = JoinSet::new();
    let proxy = Proxy::before(echo(&mut tasks).await, LONG);
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(say(&mut stream, "one").await.unwrap(), "one");
    for mode in [Mode::Delay(Duration::from_millis(1)), Mode::Throttle(1_000_000)] {
        let before = proxy.counts().delayed;
        proxy.set(mode);
        assert_eq!(say(&mut stream, "two").await.unwrap(), "two");
        assert_eq!(proxy.counts().delayed, before + 2);
    }
    assert_eq!(proxy.counts().accepted, 1);
}

#[tokio::test]
async fn an_answer_is_cut_after_so_many_bytes_and_the_request_has_arrived() {
    let mut tasks = JoinSet::new();
    let proxy = Proxy::before(echo(&mut tasks).await, LONG);
    for (cut, ending) in [(Cut::Close, None), (Cut::Reset, Some(ErrorKind::ConnectionReset))] {
        proxy.set(Mode::Pass);
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        say(&mut stream, "before").await.unwrap();
        proxy.set(Mode::Cut(Direction::Down, 3, cut));
        stream.write_all(b"question").await.unwrap();
        let mut heard = Vec::new();
        let read = stream.read_to_end(&mut heard).await;
        assert_eq!(read.err().map(|e| e.kind()), ending);
        // A reset may overtake what was sent before it.
        assert!(heard == b"que" || (cut == Cut::Reset && b"que".starts_with(&heard)), "{heard:?}");
    }
    assert_eq!(proxy.counts().cut, 2);
}

#[tokio::test]
async fn a_reset_is_seen_at_once_and_the_next_connection_works() {
    let mut tasks = JoinSet::new();
    let proxy = Proxy::before(echo(&mut tasks).await, LONG);
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    say(&mut stream, "one").await.unwrap();
    proxy.reset_all();
    assert_eq!(stream.read(&mut [0; 8]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    let mut next = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(say(&mut next, "two").await.unwrap(), "two");
    assert_eq!(proxy.counts().reset, 1);
}

#[tokio::test]
async fn a_vanished_connection_stays_silent_when_the_network_is_back() {
    let mut tasks = JoinSet::new();
    let proxy = Proxy::before(echo(&mut tasks).await, LONG);
    let mut old = TcpStream::connect(proxy.address()).await.unwrap();
    say(&mut old, "one").await.unwrap();
    proxy.vanish_all();
    assert!(is_silent(&mut old).await);
    let mut new = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(say(&mut new, "two").await.unwrap(), "two");
    // With nothing passing at all a new connection comes about and is as silent.
    proxy.set(Mode::Blackhole);
    assert!(is_silent(&mut new).await);
    let mut third = TcpStream::connect(proxy.address()).await.unwrap();
    assert!(is_silent(&mut third).await);
    proxy.set(Mode::Pass);
    for stream in [&mut old, &mut new, &mut third] {
        assert!(is_silent(stream).await);
    }
    assert_eq!(proxy.counts().vanished, 3);
}

#[tokio::test]
async fn a_server_forgets_a_client_that_vanished() {
    let mut tasks = JoinSet::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::before(listener.local_addr().unwrap(), Duration::from_millis(10));
    let _client = TcpStream::connect(proxy.address()).await.unwrap();
    let (mut stream, _) = listener.accept().await.unwrap();
    tasks.spawn(async move {
        // A reset: the connection has not ended in order.
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    });
    crate::eventually("the connection is passed on", LONG, async || match proxy.counts().accepted {
        1 => Ok(()),
        other => Err(other),
    })
    .await;
    proxy.vanish_all();
    tasks.join_next().await.unwrap().unwrap();
}

#[tokio::test]
async fn nobody_listens_while_it_refuses_and_the_port_stays_its_own() {
    let mut tasks = JoinSet::new();
    let proxy = Proxy::before(echo(&mut tasks).await, LONG);
    let mut old = TcpStream::connect(proxy.address()).await.unwrap();
    say(&mut old, "one").await.unwrap();
    proxy.set(Mode::Refuse);
    crate::eventually("it refuses", LONG, async || match TcpStream::connect(proxy.address()).await {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    assert_eq!(say(&mut old, "two").await.unwrap(), "two");
    proxy.set(Mode::Pass);
    crate::eventually("it listens again", LONG, async || {
        TcpStream::connect(proxy.address()).await.map(drop).map_err(|e| e.to_string())
    })
    .await;
}

#[tokio::test]
async fn an_address_keeps_everything_but_its_place() {
    let mut tasks = JoinSet::new();
    let proxy = Proxy::before(echo(&mut tasks).await, LONG);
    let at = proxy.address();
    for (url, place) in [
        ("postgres://postgres@127.0.0.1:5432/name", format!("postgres://postgres@{at}/name")),
        (
            "amqp://guest:guest@127.0.0.1:5672/%2f?heartbeat=4",
            format!("amqp://guest:guest@{at}/%2f?heartbeat=4"),
        ),
        ("http://127.0.0.1:80", format!("http://{at}")),
    ] {
        assert_eq!(proxy.instead_of(url), place);
        assert_eq!(target(url).ip().to_string(), "127.0.0.1");
    }
}
