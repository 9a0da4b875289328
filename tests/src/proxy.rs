//! A TCP proxy that stands in front of a server and makes its network bad: slow, torn, reset, silent, refused. What it does
//! can be changed while connections run, and it counts what it did.

mod connection;
#[cfg(test)]
mod tests;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
    task::JoinSet,
};

/// What happens to the bytes of every connection, old and new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// They pass.
    Pass,
    /// Each piece waits so long, in both directions.
    Delay(Duration),
    /// At most so many bytes a second, in each direction.
    Throttle(u64),
    /// So many bytes pass in this direction, counted from now on for each connection; then the connection ends.
    Cut(Direction, u64, Cut),
    /// Nothing passes any more, nobody is told, and new connections are as silent. What a connection swallowed once it never
    /// brings again.
    Blackhole,
    /// Nobody listens. Connections that exist go on.
    Refuse,
}

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the client: requests.
    Up,
    /// From the server: answers.
    Down,
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// In order (FIN).
    Close,
    /// RST: what was under way is lost.
    Reset,
}

/// What it did so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections that were passed on.
    pub accepted: u64,
    /// Connections that ended in their middle because of [`Mode::Cut`].
    pub cut: u64,
    /// Connections that were reset on demand.
    pub reset: u64,
    /// Connections that fell silent.
    pub vanished: u64,
    /// Pieces that were held up.
    pub delayed: u64,
}

#[derive(Debug, Default)]
struct Tally {
    accepted: AtomicU64,
    cut: AtomicU64,
    reset: AtomicU64,
    vanished: AtomicU64,
    delayed: AtomicU64,
}

/// What the connections go by.
#[derive(Debug, Clone, Copy)]
struct Weather {
    mode: Mode,
    /// How often the mode was set: counted bytes begin anew.
    set: u64,
    /// Connections made before the latest of these are reset, or silent.
    resets: u64,
    vanishings: u64,
}

/// A proxy on a port of its own; gone, with its connections, when dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    tally: Arc<Tally>,
    _serving: JoinSet<()>,
}

impl Proxy {
    /// Stands in front of `to`. A server whose client has vanished gives the connection up after `forgotten`, as its
    /// keepalives would make it.
    pub fn before(to: SocketAddr, forgotten: Duration) -> Self {
        // Bound and never listening: the port stays ours while nobody listens there.
        let place = socket();
        place.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
        let address = place.local_addr().expect("an address");
        let listener = listen(address);
        let calm = Weather { mode: Mode::Pass, set: 0, resets: 0, vanishings: 0 };
        let (weather, seen) = watch::channel(calm);
        let tally = Arc::new(Tally::default());
        let mut serving = JoinSet::new();
        let route = connection::Route { to, forgotten, tally: Arc::clone(&tally) };
        serving.spawn(serve(place, listener, route, seen));
        Self { address, weather, tally, _serving: serving }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// An address of the server, with this proxy's host and port instead of its own.
    pub fn instead_of(&self, url: &str) -> String {
        let authority = authority(url);
        let (login, host) = authority.rsplit_once('@').map_or(("", authority), |(l, h)| (l, h));
        let at = if login.is_empty() { String::new() } else { format!("{login}@") };
        assert!(!host.is_empty(), "{url}: no host");
        url.replacen(authority, &format!("{at}{}", self.address), 1)
    }

    /// From now on.
    pub fn set(&self, mode: Mode) {
        self.weather.send_modify(|weather| {
            weather.mode = mode;
            weather.set += 1;
        });
    }

    /// Resets every connection that exists; new ones are treated as the mode says.
    pub fn reset_all(&self) {
        self.weather.send_modify(|weather| weather.resets += 1);
    }

    /// Every connection that exists falls silent for ever, and nobody is told; new ones are treated as the mode says.
    pub fn vanish_all(&self) {
        self.weather.send_modify(|weather| weather.vanishings += 1);
    }

    /// What it did so far.
    pub fn counts(&self) -> Counts {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let Tally { accepted, cut, reset, vanished, delayed } = &*self.tally;
        Counts {
            accepted: of(accepted),
            cut: of(cut),
            reset: of(reset),
            vanished: of(vanished),
            delayed: of(delayed),
        }
    }
}

/// The host and port of an address, with what stands before it.
fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?']).next().unwrap_or_default()
}

/// Where an address leads to; it has to name its port.
pub fn target(url: &str) -> SocketAddr {
    let host = authority(url).rsplit('@').next().unwrap_or_default().replace("localhost", "127.0.0.1");
    host.parse().unwrap_or_else(|error| panic!("{host}: {error}"))
}

fn socket() -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseaddr(true).expect("SO_REUSEADDR");
    socket.set_reuseport(true).expect("SO_REUSEPORT");
    socket
}

fn listen(address: SocketAddr) -> TcpListener {
    let socket = socket();
    socket.bind(address).expect("the port is ours");
    socket.listen(1024).expect("listening")
}

async fn serve(
    place: TcpSocket,
    listener: TcpListener,
    route: connection::Route,
    mut weather: watch::Receiver<Weather>,
) {
    let mut listener = Some(listener);
    let mut connections = JoinSet::new();
    loop {
        let is_refusing = weather.borrow_and_update().mode == Mode::Refuse;
        if is_refusing {
            listener = None;
        } else if listener.is_none() {
            listener = Some(listen(place.local_addr().expect("an address")));
        }
        tokio::select! {
            changed = weather.changed() => if changed.is_err() { return },
            near = accept(listener.as_ref()) => {
                connections.spawn(connection::run(near, route.clone(), weather.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> TcpStream {
    match listener {
        Some(listener) => loop {
            if let Ok((near, _)) = listener.accept().await {
                return near;
            }
        },
        None => std::future::pending().await,
    }
}
