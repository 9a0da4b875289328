//! One connection through the proxy: two pumps, and what ends them.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::watch,
};

use super::{Cut, Direction, Mode, Tally, Weather};

/// Where connections lead to.
#[derive(Debug, Clone)]
pub(super) struct Route {
    pub(super) to: SocketAddr,
    pub(super) forgotten: Duration,
    pub(super) tally: Arc<Tally>,
}

/// How a connection ended.
enum Ending {
    /// By its own ends.
    Ended,
    /// In its middle.
    Torn(Cut),
    /// Both ends are still there, and nothing passes.
    Vanished,
}

/// Runs a connection to its end.
pub(super) async fn run(mut near: TcpStream, route: Route, weather: watch::Receiver<Weather>) {
    // A silent network answers no handshake either, but the kernel has answered for us already: silence from here on.
    if weather.borrow().mode == Mode::Blackhole {
        route.tally.vanished.fetch_add(1, Ordering::Relaxed);
        return swallow(&mut near).await;
    }
    let Ok(mut far) = TcpStream::connect(route.to).await else {
        // The server is away: as if there were no proxy.
        return reset(&near);
    };
    route.tally.accepted.fetch_add(1, Ordering::Relaxed);
    // Both are our own sockets: an error means that the other end is gone already.
    near.set_nodelay(true).ok();
    far.set_nodelay(true).ok();
    let ending = {
        let ((near_in, near_out), (far_in, far_out)) = (near.split(), far.split());
        tokio::select! {
            ending = ordered(&route.tally, weather.clone()) => ending,
            ending = pumped(
                pump(Direction::Up, near_in, far_out, &route.tally, weather.clone()),
                pump(Direction::Down, far_in, near_out, &route.tally, weather),
            ) => ending,
        }
    };
    match ending {
        Ending::Ended | Ending::Torn(Cut::Close) => {}
        Ending::Torn(Cut::Reset) => {
            reset(&near);
            reset(&far);
        }
        Ending::Vanished => {
            route.tally.vanished.fetch_add(1, Ordering::Relaxed);
            // The client waits as long as it likes; the server's keepalives give up.
            tokio::join!(swallow(&mut near), async {
                tokio::time::timeout(route.forgotten, swallow(&mut far)).await.ok();
                reset(&far);
                drop(far);
            });
        }
    }
}

/// Waits for an order that ends connections.
async fn ordered(tally: &Tally, mut weather: watch::Receiver<Weather>) -> Ending {
    let at_first = *weather.borrow_and_update();
    loop {
        if weather.changed().await.is_err() {
            return Ending::Ended;
        }
        let now = *weather.borrow_and_update();
        if now.resets > at_first.resets {
            tally.reset.fetch_add(1, Ordering::Relaxed);
            return Ending::Torn(Cut::Reset);
        }
        if now.vanishings > at_first.vanishings || now.mode == Mode::Blackhole {
            return Ending::Vanished;
        }
    }
}

/// Both directions: over when both are, or when one is torn.
async fn pumped(up: impl Future<Output = Ending>, down: impl Future<Output = Ending>) -> Ending {
    tokio::pin!(up, down);
    let (first, other) = tokio::select! {
        ending = &mut up => (ending, false),
        ending = &mut down => (ending, true),
    };
    match (first, other) {
        (Ending::Ended, false) => down.await,
        (Ending::Ended, true) => up.await,
        (torn, _) => torn,
    }
}

async fn pump(
    direction: Direction,
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    tally: &Tally,
    mut weather: watch::Receiver<Weather>,
) -> Ending {
    let mut buffer = vec![0; 16 * 1024];
    let (mut set, mut passed) = (weather.borrow_and_update().set, 0_u64);
    loop {
        let length = match from.read(&mut buffer).await {
            Ok(0) => {
                // The other direction may go on.
                to.shutdown().await.ok();
                return Ending::Ended;
            }
            Ok(length) => length,
            Err(_) => return Ending::Torn(Cut::Reset),
        };
        let now = *weather.borrow_and_update();
        if now.set != set {
            (set, passed) = (now.set, 0);
        }
        let mut pass = length;
        let mut torn = None;
        match now.mode {
            Mode::Delay(by) => {
                tally.delayed.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(by).await;
            }
            Mode::Throttle(per_second) => {
                tally.delayed.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_secs_f64(length as f64 / per_second.max(1) as f64)).await;
            }
            Mode::Cut(which, after, cut) if which == direction => {
                let room = usize::try_from(after.saturating_sub(passed)).unwrap_or(usize::MAX);
                if length > room {
                    (pass, torn) = (room, Some(cut));
                }
            }
            Mode::Pass | Mode::Refuse | Mode::Cut(..) => {}
            // `ordered` ends the connection; nothing may slip through before it does.
            Mode::Blackhole => return std::future::pending().await,
        }
        passed += pass as u64;
        if to.write_all(&buffer[..pass]).await.is_err() {
            return Ending::Torn(Cut::Reset);
        }
        if let Some(cut) = torn {
            tally.cut.fetch_add(1, Ordering::Relaxed);
            return Ending::Torn(cut);
        }
    }
}

/// Takes whatever comes, as a network that still acknowledges, until the other end gives up.
async fn swallow(stream: &mut TcpStream) {
    let mut buffer = vec![0; 4096];
    while matches!(stream.read(&mut buffer).await, Ok(1..)) {}
}

/// RST instead of FIN when it is dropped.
fn reset(stream: &TcpStream) {
    stream.set_zero_linger().ok();
}
