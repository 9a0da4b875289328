//! All three simulators at once, with the shared test credentials.

use crate::{payments, portal, post};
use std::io;
use tokio::net::TcpListener;

/// One bound listener per simulator.
pub struct Listeners {
    pub portal: TcpListener,
    pub payments: TcpListener,
    pub post: TcpListener,
}

impl Listeners {
    /// Three free ports of the local machine.
    pub async fn local() -> io::Result<Self> {
        let bind = || TcpListener::bind("127.0.0.1:0");
        Ok(Self { portal: bind().await?, payments: bind().await?, post: bind().await? })
    }
}

/// The options of the three.
#[derive(Clone, Default)]
pub struct Options {
    pub portal: portal::Options,
    pub payments: payments::Options,
    pub post: post::Options,
}

impl Options {
    /// Whether all three journals keep whole bodies.
    pub fn keep_bodies(mut self, keep: bool) -> Self {
        self.portal.keep_bodies = keep;
        self.payments.keep_bodies = keep;
        self.post.keep_bodies = keep;
        self
    }
}

/// Three running simulators; dropping it stops them.
pub struct Suite {
    pub portal: portal::PortalHandle,
    pub payments: payments::PaymentsHandle,
    pub post: post::PostHandle,
}

impl Suite {
    pub async fn start(listeners: Listeners, options: Options) -> Self {
        Self {
            portal: portal::start(listeners.portal, options.portal).await,
            payments: payments::start(listeners.payments, options.payments).await,
            post: post::start(listeners.post, options.post).await,
        }
    }

    /// Default options on three free local ports.
    pub async fn local() -> io::Result<Self> {
        Ok(Self::start(Listeners::local().await?, Options::default()).await)
    }

    /// Every broken rule of the contracts, on all three.
    pub fn violations(&self) -> Vec<String> {
        let journals = [self.portal.journal(), self.payments.journal(), self.post.journal()];
        journals.iter().flat_map(crate::Journal::violations).collect()
    }

    pub async fn stop(self) {
        tokio::join!(self.portal.stop(), self.payments.stop(), self.post.stop());
    }
}
