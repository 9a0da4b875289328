//! The replicas, and the supervisor who starts them again.

use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Mutex as Held, MutexGuard},
    time::sleep,
};

use crate::{World, api::Api, eventually, program::Program, province::PAYMENTS};

/// The supervisor's pause before it starts a program again that ended at once.
const AGAIN_AFTER: Duration = Duration::from_millis(500);
/// How long it goes on trying: a server may be away meanwhile.
const PATIENCE: Duration = Duration::from_mins(3);

/// All replicas. A member is held by whoever does something to it.
pub(super) struct Fleet {
    members: Vec<Held<Option<Program>>>,
    token: String,
    /// Replicas that ended although nobody killed them.
    fallen: Mutex<Vec<String>>,
}

impl Fleet {
    /// Starts all of them and waits until one has everything it needs.
    pub(super) async fn start(world: &World, replicas: usize) -> Self {
        let mut members = Vec::with_capacity(replicas);
        for at in 0..replicas {
            members.push(Held::new(Some(launch(world, at).await)));
        }
        let fleet = Self { members, token: world.token().await, fallen: Mutex::default() };
        eventually("a replica is ready", PATIENCE, async || {
            let api = fleet.api().await;
            match api.send(reqwest::Method::GET, "/readyz", None).await {
                Ok(answered) if answered.status == 200 => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
        fleet
    }

    /// How many there are.
    pub(super) fn size(&self) -> usize {
        self.members.len()
    }

    /// Keeps everybody else's hands off a member.
    pub(super) async fn hold(&self, at: usize) -> MutexGuard<'_, Option<Program>> {
        self.members[at].lock().await
    }

    /// `kill -9`, and its return.
    pub(super) async fn kill(&self, world: &World, at: usize) {
        let mut member = self.hold(at).await;
        if let Some(mut program) = member.take() {
            match program.ended() {
                Some(status) => self.fell(at, &status.to_string()),
                None => program.kill9(),
            }
        }
        *member = Some(launch(world, at).await);
    }

    /// Starts those again that ended by themselves; a supervisor does, and it is told at the end.
    pub(super) async fn look_after(&self, world: &World) {
        for (at, member) in self.members.iter().enumerate() {
            let Ok(mut member) = member.try_lock() else { continue };
            if let Some(status) = member.as_mut().and_then(Program::ended) {
                self.fell(at, &status.to_string());
                *member = Some(launch(world, at).await);
            }
        }
    }

    fn fell(&self, at: usize, status: &str) {
        let said = format!("replica {at} ended by itself, {status}");
        self.fallen.lock().unwrap_or_else(PoisonError::into_inner).push(said);
    }

    /// What ended by itself.
    pub(super) fn fallen(&self) -> Vec<String> {
        self.fallen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A client of a replica that answers.
    pub(super) async fn api(&self) -> Api {
        eventually("a replica answers", PATIENCE, async || {
            for member in &self.members {
                let Ok(member) = member.try_lock() else { continue };
                let Some(program) = member.as_ref() else { continue };
                let api = Api::new(format!("http://{}", program.address), self.token.clone());
                if api.send(reqwest::Method::GET, "/livez", None).await.is_ok() {
                    return Ok(api);
                }
            }
            Err("nobody")
        })
        .await
    }
}

/// What a replica says goes to a file of its own.
pub(super) fn log(world: &World, at: usize) -> PathBuf {
    world.file(&format!("replica-{at}.log"))
}

/// Starts a replica, again and again if need be; citizens' payments are reported to it from now on.
async fn launch(world: &World, at: usize) -> Program {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        match Program::try_start(&world.config(), &log(world, at)).await {
            Ok(program) => {
                let url = format!("http://{}/callbacks/{PAYMENTS}", program.address);
                world.suite.payments.set_callback_url(url);
                return program;
            }
            Err(why) => assert!(tokio::time::Instant::now() < deadline, "replica {at}: {why}"),
        }
        sleep(AGAIN_AFTER).await;
    }
}
