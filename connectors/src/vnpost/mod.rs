//! VNPost through the national gateway (flavour V1): orders parcels, cancels them, follows the feed of movements.
//! The order number is ours and stored before the call, so that a repeat makes no second parcel.

mod classify;
mod config;
mod feed;
mod map;
#[cfg(test)]
mod tests;
mod token;
mod wire;

pub use config::{Agency, Config, TimeUnit, Ward};

use async_trait::async_trait;
use jiff::SignedDuration;
use lienthong_core::{
    event::data::Parcel,
    id::{ConnectorId, OrderNumber},
    need::Need,
    operation::{ActionKind, Payload},
    outcome::{Cause, Outcome},
    parcel::{Direction, ParcelState},
    plan::rules::PartnerKind,
    port::connector::{Call, CheckFailure, Connector, Feed, Manifest, Task},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use crate::http::{Answer, Budget, ConfigError, Failure, Http, Request, SecretSource};
use token::{Stop, Tokens};

/// What this implementation is called.
pub const IMPLEMENTATION: &str = "vnpost";
/// Operations that may be with the post at once, unless configured otherwise.
const IN_FLIGHT: usize = 8;
/// For our own work beside the calls of an attempt.
const MARGIN: Duration = Duration::from_secs(1);

struct Vnpost {
    manifest: Manifest,
    config: Config,
    meanings: BTreeMap<i64, ParcelState>,
    tokens: Tokens,
    http: Http,
}

/// Makes the connector; refuses settings that could not work.
pub fn connector(
    id: ConnectorId,
    label: String,
    in_flight: Option<usize>,
    config: &Config,
) -> Result<Arc<dyn Connector>, ConfigError> {
    config.validate()?;
    let secret =
        SecretSource::new("secret_key", config.secret_key.as_ref(), config.secret_key_file.as_deref());
    let longest = Duration::from_millis(config.call_timeout_ms) * 4 + MARGIN; // token, call, new token, call
    let manifest = Manifest {
        id,
        kind: PartnerKind::Post,
        implementation: IMPLEMENTATION,
        label,
        actions: BTreeMap::from([(ActionKind::CreateParcel, longest), (ActionKind::CancelParcel, longest)]),
        settling_window: SignedDuration::from_secs(i64::from(config.settling_seconds)),
        person_after_doubt: BTreeSet::new(),
        in_flight: in_flight.unwrap_or(IN_FLIGHT),
    };
    Ok(Arc::new(Vnpost {
        manifest,
        config: config.clone(),
        meanings: config.meanings()?,
        tokens: Tokens::new(&config.customer_key, &secret.read()?),
        http: Http::new(&config.http)?,
    }))
}

#[async_trait]
impl Connector for Vnpost {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    async fn attempt(&self, task: &Task, call: &Call<'_>) -> Outcome {
        let budget = Budget::new(call.deadline);
        match &*task.payload {
            Payload::CreateParcel { parcel, direction, order_number } => {
                self.create(parcel, *direction, order_number, task, call, budget).await
            }
            Payload::CancelParcel { order_number, .. } => self.cancel(order_number, call, budget).await,
            Payload::SyncDossier
            | Payload::AdoptDossier
            | Payload::AppendProgress { .. }
            | Payload::OpenPayment { .. }
            | Payload::Unassigned { .. } => {
                Outcome::Held(Need::Action(task.payload.kind().name().to_owned()))
            }
        }
    }

    async fn check(&self, call: &Call<'_>) -> Result<String, CheckFailure> {
        let page = self.read_page(feed::START, 1, call, Budget::new(call.deadline)).await?;
        let records = if page.moves.is_empty() { "no record yet" } else { "has records" };
        Ok(format!("the token was accepted; the tracking feed answers and {records}"))
    }

    fn feed(&self) -> Option<&dyn Feed> {
        Some(self)
    }
}

impl Vnpost {
    async fn create(
        &self,
        parcel: &Parcel,
        direction: Direction,
        number: &OrderNumber,
        task: &Task,
        call: &Call<'_>,
        budget: Budget,
    ) -> Outcome {
        let order = match map::order(parcel, direction, number, task, &self.manifest.id, &self.config) {
            Ok(order) => order,
            Err(outcome) => return outcome,
        };
        let body = match serde_json::to_vec(&order) {
            Ok(body) => body,
            Err(error) => return Outcome::refused(Cause::Internal, "local", error.to_string()),
        };
        let citizen = match direction {
            Direction::Return => [&*order.ReceiverName, &*order.ReceiverTel, &*order.ReceiverAddress],
            Direction::Pickup => [&*order.SenderName, &*order.SenderTel, &*order.SenderAddress],
        };
        match self.write(Request::post_json(&self.config.order_url, body), call, budget).await {
            Ok(answer) => classify::ordered(&answer, number, task.begun, &citizen, &self.config),
            Err(outcome) => outcome,
        }
    }

    async fn cancel(&self, number: &OrderNumber, call: &Call<'_>, budget: Budget) -> Outcome {
        let parameters =
            [("CustomerCode", self.config.customer_code.as_str()), ("OrderNumber", number.as_str())];
        let request = Request::get(map::with_query(&self.config.cancel_url, &parameters));
        match self.write(request, call, budget).await {
            Ok(answer) => classify::cancelled(&answer, number, &self.config),
            Err(outcome) => outcome,
        }
    }

    async fn write(&self, request: Request, call: &Call<'_>, budget: Budget) -> Result<Answer, Outcome> {
        let least = Duration::from_millis(self.config.min_write_ms);
        match self.authorized(request, call, budget, least).await {
            Ok(answer) => answer.map_err(|failure| failure.outcome()),
            Err(stop) => Err(stop.outcome()),
        }
    }

    /// Sends with the token; a 401 came from the gateway, before the post saw anything: once again with a new token.
    async fn authorized(
        &self,
        request: Request,
        call: &Call<'_>,
        budget: Budget,
        least: Duration,
    ) -> Result<Result<Answer, Failure>, Stop> {
        let mut rejected: Option<String> = None;
        loop {
            let token = self.tokens.get(self, call, budget, rejected.as_deref()).await?;
            if !budget.has(least) {
                let said = "too little of the attempt's time was left to send";
                return Err(Stop::not_done(Cause::Internal, said));
            }
            let request =
                request.clone().header("Authorization", token.as_str()).header("Accept", "application/json");
            match self.http.send(request, budget.for_call(self.call_timeout())).await {
                Ok(answer) if answer.status == 401 && rejected.is_none() => rejected = Some(token),
                Ok(answer) if answer.status == 401 => {
                    return Err(Stop::paused(Cause::SessionRejected, answer.said()));
                }
                answer => return Ok(answer),
            }
        }
    }

    fn call_timeout(&self) -> Duration {
        Duration::from_millis(self.config.call_timeout_ms)
    }
}
