//! From configuration to parts: connectors, rules, settings. Touches files that hold secrets, but no network.

use std::{sync::Arc, time::Duration};

use jiff::SignedDuration;
use lienthong_connectors::registry::{self, Settings as ConnectorSettings};
use lienthong_core::{
    flow::{
        engine::{EngineSettings, PartnerSettings},
        retention::Retention,
        sheet::SheetSettings,
    },
    plan::rules::{ConnectorRule, Rules},
    policy::{allowance::Rate, backoff::Schedule, health::HealthSettings},
    port::connector::Connector,
};
use secrecy::SecretString;

use crate::{
    broker::{Names, Settings as BrokerSettings},
    config::{self, Config, ConfigError, read_secret},
    http::auth::random_text,
};

/// The connectors, in the order of the configuration.
pub fn connectors(config: &Config) -> Result<Vec<Arc<dyn Connector>>, ConfigError> {
    let built = config.connectors.iter().enumerate().map(|(i, entry)| {
        let settings = ConnectorSettings {
            dvcqg: entry.dvcqg.clone(),
            dvcqg_payment: entry.dvcqg_payment.clone(),
            vnpost: entry.vnpost.clone(),
        };
        registry::build(entry.id.clone(), entry.label.clone(), entry.in_flight, &settings).map_err(|error| {
            ConfigError::plain(
                format!("connector[{i}] ({}): {}: {}", entry.id, error.key, error.said),
                "Sửa khóa này trong bảng của kết nối; xem lienthong.example.toml.\nMend this key; see \
                 lienthong.example.toml.",
            )
        })
    });
    built.collect()
}

/// The planner's rules with the connectors' routes; the engine completes them from the manifests.
pub(super) fn rules(config: &Config, connectors: &[Arc<dyn Connector>]) -> Rules {
    let mut rules = config::rules(config);
    rules.connectors = config
        .connectors
        .iter()
        .zip(connectors)
        .map(|(entry, connector)| {
            let manifest = connector.manifest();
            ConnectorRule {
                id: manifest.id.clone(),
                kind: manifest.kind,
                actions: manifest.actions.keys().copied().collect(),
                probes: std::collections::BTreeSet::new(),
                settling: manifest.settling_window,
                person_after_doubt: manifest.person_after_doubt.clone(),
                routes: entry.routes.clone(),
            }
        })
        .collect();
    rules
}

/// The engine's settings, under a name that no two runs share.
pub fn engine_settings(config: &Config) -> EngineSettings {
    let engine = &config.engine;
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let chance = random_text().unwrap_or_default();
    let holder = format!("{}-{}-{}", host.trim(), std::process::id(), chance.get(..8).unwrap_or_default());
    let retry = match engine.retry_seconds.as_slice() {
        [] => Schedule::default(),
        seconds => Schedule::from_seconds(seconds),
    };
    EngineSettings {
        holder,
        retry,
        lease_margin: Duration::from_millis(engine.lease_margin_ms),
        batch: engine.batch,
        ahead: SignedDuration::from_millis(i64::try_from(engine.ahead_ms).unwrap_or(0)),
        poll: Duration::from_millis(engine.poll_ms),
        max_message_bytes: engine.max_message_bytes,
        fresh_payment_days: engine.fresh_payment_days,
        sweep_every: Duration::from_secs(engine.sweep_seconds),
        tracking_every: Duration::from_secs(engine.tracking_seconds),
        // What is no time of day was refused when the configuration was checked.
        catalogue_at: engine.catalogue_at.parse().ok(),
        public_url: config.http.public_url.clone(),
        health: health_settings(engine),
        statuses: config.reconcile.settings(),
        retention: retention(config),
        sheet: SheetSettings {
            at: config.sheet.at.parse().ok(),
            keep_days: config.sheet.keep_days.into(),
            hours: config.sheet.due_hours,
        },
        partners: config.connectors.iter().map(|c| (c.id.clone(), partner_settings(c))).collect(),
        ..EngineSettings::default()
    }
}

fn retention(config: &Config) -> Retention {
    let days = config.retention.days().into_iter().filter(|(_, _, days)| *days > 0);
    let kept = days.map(|(kind, _, days)| (kind, SignedDuration::from_hours(24 * i64::from(days))));
    Retention { kept: kept.collect(), relays: config.broker.as_ref().is_some_and(|broker| broker.publish) }
}

fn health_settings(engine: &config::Engine) -> HealthSettings {
    let seconds = |seconds: u64| SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    HealthSettings {
        trial_every: seconds(engine.test_seconds),
        longest_trial: seconds(engine.test_longest_seconds),
        window: seconds(engine.failure_window_seconds),
        minimum: engine.failure_minimum,
        percent: engine.failure_percent,
        in_a_row: engine.setbacks_to_pause,
        ramp: engine.ramp_percent.clone(),
        step: seconds(engine.ramp_step_seconds),
    }
}

fn partner_settings(connector: &config::Connector) -> PartnerSettings {
    let burst = connector.burst.unwrap_or(1);
    PartnerSettings {
        in_flight_total: connector.in_flight_total,
        rate: connector.rate_per_second.map(|per_second| Rate::new(per_second, burst)),
        // What cannot be read was refused when the configuration was checked.
        maintenance: connector.maintenance.iter().filter_map(|window| window.read().ok()).collect(),
    }
}

/// The database's address, where there is one.
pub fn store_address(config: &Config) -> Result<Option<SecretString>, ConfigError> {
    read_secret("store.url", config.store.url.as_ref(), config.store.url_file.as_ref())
}

/// The broker's settings, where one is used.
pub fn broker_settings(config: &Config) -> Result<Option<BrokerSettings>, ConfigError> {
    let Some(broker) = &config.broker else { return Ok(None) };
    let Some(url) = read_secret("broker.url", broker.url.as_ref(), broker.url_file.as_ref())? else {
        return Ok(None);
    };
    let names = Names {
        exchange_in: broker.exchange_in.clone(),
        exchange_out: broker.exchange_out.clone(),
        queue: broker.queue.clone(),
        dead_exchange: broker.dead_exchange.clone(),
        dead_queue: broker.dead_queue.clone(),
        bindings: broker.bindings.clone(),
    };
    Ok(Some(BrokerSettings {
        url,
        installation: config.installation.name.clone(),
        prefetch: broker.prefetch,
        batch: config.engine.batch,
        confirm_timeout: Duration::from_millis(broker.confirm_timeout_ms),
        names,
    }))
}
