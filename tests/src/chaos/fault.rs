//! Everything that fails, and how.

use lienthong_mocks::{Behaviour, Rule};
use tokio::time::sleep;

use super::{Course, ground::Ground};
use crate::{
    eventually,
    proxy::{Cut, Direction, Mode, Proxy},
};

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// `kill -9` of a replica, and its return.
    Kill,
    /// SIGSTOP past every lease it holds, then SIGCONT.
    Freeze,
    BrokerRestart,
    /// Connections to RabbitMQ are reset.
    BrokerReset,
    /// Every connection to RabbitMQ breaks off in an answer, for a while.
    BrokerTorn,
    /// Connections to RabbitMQ vanish without a word.
    BrokerVanish,
    /// Nothing gets through to RabbitMQ for a while, and nobody is told.
    BrokerSilent,
    /// The one-stop system's connection is reset: what was not confirmed is published again.
    PublisherReset,
    /// The one-stop system's connection vanishes.
    PublisherVanish,
    /// RabbitMQ's memory alarm: publishers are blocked, on both sides.
    PublisherBlocked,
    StoreRestart,
    /// PostgreSQL stops without a checkpoint.
    StoreCrash,
    /// Connections to PostgreSQL are reset.
    StoreReset,
    /// Every connection to PostgreSQL breaks off in an answer, for a while: commits whose answer is lost.
    StoreTorn,
    /// Every answer of PostgreSQL is late, for a while.
    StoreSlow,
    /// Connections to PostgreSQL vanish without a word.
    StoreVanish,
    /// Nothing gets through to PostgreSQL for a while, and nobody is told.
    StoreSilent,
    /// Nobody listens at a partner.
    PartnerRefused,
    /// Every connection to a partner breaks off in the answer.
    PartnerTorn,
    /// Connections to a partner vanish without a word.
    PartnerVanish,
    /// A partner answers beyond the deadline; the effect is there.
    PartnerLate,
    /// A partner answers with a proxy's page.
    PartnerPage,
    /// Half of the answer's body comes; the effect is there.
    PartnerHalf,
}

/// Faults that come one after the other; lanes run beside each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    Servers,
    Partners,
}

impl Lane {
    pub(super) fn faults(self) -> Vec<Fault> {
        match self {
            Self::Servers => vec![
                Fault::Freeze,
                Fault::BrokerRestart,
                Fault::BrokerReset,
                Fault::BrokerTorn,
                Fault::BrokerVanish,
                Fault::BrokerSilent,
                Fault::PublisherReset,
                Fault::PublisherVanish,
                Fault::PublisherBlocked,
                Fault::StoreRestart,
                Fault::StoreCrash,
                Fault::StoreReset,
                Fault::StoreTorn,
                Fault::StoreSlow,
                Fault::StoreVanish,
                Fault::StoreSilent,
            ],
            Self::Partners => vec![
                Fault::PartnerRefused,
                Fault::PartnerTorn,
                Fault::PartnerVanish,
                Fault::PartnerLate,
                Fault::PartnerPage,
                Fault::PartnerHalf,
            ],
        }
    }
}

impl Fault {
    /// For how many steps one such fault can leave in doubt whether they have arrived, beyond what the simulators' and the
    /// proxies' own counts tell: those that were with the portal.
    pub(super) fn doubts(self, replicas: usize) -> usize {
        match self {
            Self::Kill | Self::Freeze => Course::PERMITS,
            // What could not be stored before its lease ran out.
            Self::StoreRestart
            | Self::StoreCrash
            | Self::StoreReset
            | Self::StoreTorn
            | Self::StoreSlow
            | Self::StoreVanish
            | Self::StoreSilent => Course::PERMITS * replicas,
            Self::BrokerRestart
            | Self::BrokerReset
            | Self::BrokerTorn
            | Self::BrokerVanish
            | Self::BrokerSilent
            | Self::PublisherReset
            | Self::PublisherVanish
            | Self::PublisherBlocked
            | Self::PartnerRefused
            | Self::PartnerTorn
            | Self::PartnerVanish
            | Self::PartnerLate
            | Self::PartnerPage
            | Self::PartnerHalf => 0,
        }
    }

    /// Brings it about, and lifts it.
    pub(super) async fn happen(self, ground: &Ground<'_>) {
        let hold = ground.course.hold;
        let proxies = ground.world.proxies.as_ref().expect("a world with proxies");
        let servers = ground.world.servers.as_ref().expect("a world with servers");
        let partner = ground.a_partner();
        let for_a_while = async |proxy: &Proxy, mode: Mode, then: Mode| {
            proxy.set(mode);
            sleep(hold).await;
            proxy.set(then);
        };
        match self {
            Self::Kill => ground.fleet.kill(ground.world, ground.a_member()).await,
            Self::Freeze => freeze(ground).await,
            Self::BrokerRestart => servers.control("rabbitmq", "restart").await,
            Self::BrokerReset => proxies.broker.reset_all(),
            Self::BrokerTorn => {
                for_a_while(&proxies.broker, Mode::Cut(Direction::Down, 3_000, Cut::Reset), Mode::Pass).await;
            }
            Self::BrokerVanish => proxies.broker.vanish_all(),
            Self::BrokerSilent => for_a_while(&proxies.broker, Mode::Blackhole, Mode::Pass).await,
            Self::PublisherReset => ground.outlet.reset_all(),
            Self::PublisherVanish => ground.outlet.vanish_all(),
            Self::PublisherBlocked => {
                servers.control("rabbitmq", "block").await;
                sleep(hold).await;
                servers.control("rabbitmq", "unblock").await;
            }
            Self::StoreRestart => servers.control("postgres", "restart").await,
            Self::StoreCrash => {
                servers.control("postgres", "crash").await;
                sleep(hold).await;
                servers.control("postgres", "start").await;
            }
            Self::StoreReset => proxies.store.reset_all(),
            Self::StoreTorn => {
                for_a_while(&proxies.store, Mode::Cut(Direction::Down, 20_000, Cut::Reset), Mode::Pass).await;
            }
            Self::StoreSlow => for_a_while(&proxies.store, Mode::Delay(hold / 20), Mode::Pass).await,
            Self::StoreVanish => proxies.store.vanish_all(),
            Self::StoreSilent => for_a_while(&proxies.store, Mode::Blackhole, Mode::Pass).await,
            Self::PartnerRefused => for_a_while(partner.proxy, Mode::Refuse, partner.calm).await,
            Self::PartnerTorn => {
                for_a_while(partner.proxy, Mode::Cut(Direction::Down, 60, Cut::Reset), partner.calm).await;
            }
            Self::PartnerVanish => partner.proxy.vanish_all(),
            Self::PartnerLate => {
                let late = ground.course.call_timeout + hold / 2;
                let millis = u64::try_from(late.as_millis()).unwrap_or(u64::MAX);
                ground.behave_badly(&partner, Rule::always(Behaviour::Stall { millis })).await;
            }
            Self::PartnerPage => {
                let html = "<html><body>Hệ thống đang bảo trì</body></html>".to_owned();
                let page = Rule::always(Behaviour::HttpError { status: 503, html });
                ground.behave_badly(&partner, page).await;
            }
            Self::PartnerHalf => {
                ground.behave_badly(&partner, Rule::always(Behaviour::HalfBody).chance(0.5, 7)).await;
            }
        }
    }
}

/// A replica stands still until every lease that anybody held when it began is over, so that the others have taken from it
/// what it had; then it goes on as if nothing had been.
async fn freeze(ground: &Ground<'_>) {
    let database = ground.world.database.as_ref().expect("a database");
    let program = ground.fleet.hold(ground.a_member()).await;
    let Some(program) = program.as_ref() else { return };
    program.freeze().await;
    let until = "select coalesce(max(lease_until), 0) from lanes where state = 2";
    let until =
        eventually("the leases are known", ground.course.patience, async || database.try_ask(until).await)
            .await;
    let is_over =
        format!("select (extract(epoch from clock_timestamp()) * 1000000)::bigint > {until} + 2000000");
    eventually("every lease is over", ground.course.patience, async || {
        match database.try_ask(&is_over).await {
            Ok(answer) if answer == "t" => Ok(()),
            other => Err(other),
        }
    })
    .await;
    program.thaw().await;
}
