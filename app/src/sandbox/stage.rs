//! The stage: simulators, application and data folder, put together and running.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use lienthong_core::flow::{engine::Engine, run::Roles};
use lienthong_mocks::{
    Suite,
    suite::{Listeners, Options},
};
use tokio_util::sync::CancellationToken;

use super::{folder::Folder, province};
use crate::{
    cli::Failure,
    compose::{Application, Purpose, Running},
    config::Config,
    lifecycle::Ending,
};

/// Who makes citizens pay and postmen walk.
#[derive(Debug, Clone, Copy)]
pub(super) enum Tempo {
    /// The play, by the simulators' controls.
    ByHand,
    /// The simulators themselves, after a while.
    ByItself { pay_after: Duration, move_every: Duration },
}

/// Everything that runs.
pub(super) struct Stage {
    pub(super) suite: Suite,
    running: Running,
    address: SocketAddr,
    // Dropped last: a temporary folder goes when nothing uses it any more.
    folder: Folder,
}

impl Stage {
    pub(super) async fn open(
        data_dir: Option<&Path>,
        listen: SocketAddr,
        tempo: Tempo,
    ) -> Result<Self, Failure> {
        let failed = |error: &dyn std::fmt::Display| Failure::new(error.to_string(), "");
        let folder = Folder::open(data_dir)?;
        let mut options = Options::default();
        if let Tempo::ByItself { pay_after, move_every } = tempo {
            options.payments.auto_pay = Some(pay_after);
            options.post.auto_move = Some(move_every);
        }
        let listeners = Listeners::local().await.map_err(|e| failed(&e))?;
        let suite = Suite::start(listeners, options).await;
        let text = province::configuration(folder.path(), listen, &suite).map_err(|e| failed(&e))?;
        let catalogue = province::catalogue().map_err(|e| failed(&e))?;
        std::fs::write(folder.path().join("catalogue.toml"), catalogue).map_err(|e| failed(&e))?;
        let file = folder.path().join("lienthong.toml");
        std::fs::write(&file, &text).map_err(|e| failed(&e))?;
        let config =
            Config::parse(&file.display().to_string(), &text, None, &std::collections::BTreeMap::new())?;
        let application = Application::build(config, Purpose::Serve(Roles::all())).await?;
        let address = application.addresses().http.unwrap_or(listen);
        if listen.port() == 0 {
            // Other commands read the file: it must name the port that was given.
            let known = text.replacen(&listen.to_string(), &address.to_string(), 1);
            std::fs::write(&file, known).map_err(|e| failed(&e))?;
        }
        suite.payments.set_callback_url(format!("http://{address}/callbacks/{}", province::PAYMENTS));
        let running = application.start()?;
        Ok(Self { suite, running, address, folder })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn application(&self) -> &Application {
        self.running.application()
    }

    pub(super) fn engine(&self) -> &Arc<Engine> {
        self.running.application().engine()
    }

    /// Stops the application, then the simulators.
    pub(super) async fn close(self, hard: &CancellationToken) -> Ending {
        let ending = self.running.stop(hard).await;
        self.suite.stop().await;
        ending
    }

    /// Waits until a task that must live ends by itself.
    pub(super) async fn ended(&mut self) -> String {
        self.running.ended().await
    }
}
