//! The HTTP door: an axum server whose connections can be cut before an answer leaves.

use crate::{
    control,
    request::{Answer, Incoming},
    simulator::{Exit, Partner, Simulator},
};
use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request, State, connect_info::Connected},
    response::Response,
    serve::{IncomingStream, Listener},
};
use futures_util::{StreamExt, stream};
use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};

/// A connection that refuses to write once its switch is cut, which makes hyper close it.
pub(crate) struct Wire {
    stream: TcpStream,
    switch: Switch,
}

/// Cuts one connection.
#[derive(Clone, Default)]
pub(crate) struct Switch(Arc<AtomicBool>);

impl Wire {
    fn cut(&self) -> Option<io::Error> {
        self.switch.0.load(Ordering::Acquire).then(|| io::ErrorKind::ConnectionReset.into())
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.cut() {
            Some(error) => Poll::Ready(Err(error)),
            None => Pin::new(&mut self.stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

struct Door(TcpListener);

impl Listener for Door {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        let (stream, addr) = Listener::accept(&mut self.0).await;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
        (Wire { stream, switch: Switch::default() }, addr)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, Door>> for Switch {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        stream.io().switch.clone()
    }
}

/// Starts serving; ends when the simulator's token is cancelled.
pub(crate) fn start<P: Partner>(listener: TcpListener, simulator: &Arc<Simulator<P>>) {
    let app = Router::new().fallback(answer::<P>).with_state(Arc::clone(simulator));
    let stop = simulator.runtime.token.clone().cancelled_owned();
    let serving = axum::serve(Door(listener), app.into_make_service_with_connect_info::<Switch>());
    simulator.runtime.spawn_server(async move {
        if let Err(error) = serving.with_graceful_shutdown(stop).await {
            tracing::error!(%error, "a simulator's server ended");
        }
    });
}

async fn answer<P: Partner>(
    State(simulator): State<Arc<Simulator<P>>>,
    ConnectInfo(switch): ConnectInfo<Switch>,
    request: Request,
) -> Response {
    let incoming = match Incoming::read(request).await {
        Ok(incoming) => incoming,
        Err(error) => return Answer::html(400, error.to_string()).into_response(false),
    };
    if let Some(verb) = incoming.path.strip_prefix("/_sim/") {
        return control::answer(&simulator, verb, &incoming).into_response(false);
    }
    match simulator.run(incoming) {
        Exit::Answer(answer) => answer.into_response(false),
        Exit::Half(answer) => answer.into_response(true),
        Exit::Late(answer, delay) => {
            let token = &simulator.runtime.token;
            if token.run_until_cancelled(tokio::time::sleep(delay)).await.is_none() {
                switch.0.store(true, Ordering::Release);
            }
            answer.into_response(false)
        }
        Exit::Cut => {
            switch.0.store(true, Ordering::Release);
            Response::new(Body::empty()) // never written
        }
    }
}

/// Half of `bytes`, a moment for it to leave, then a broken connection.
pub(crate) fn broken_body(bytes: Vec<u8>) -> Body {
    let half = bytes.get(..bytes.len() / 2).unwrap_or_default().to_vec();
    let rest = stream::once(async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Err(io::Error::from(io::ErrorKind::ConnectionAborted))
    });
    Body::from_stream(stream::once(async move { Ok(half) }).chain(rest))
}
