//! The national portal behind its adapter (dvcqg.md): sessions, catalogue, dossiers and their steps.

mod catalogue;
mod gateway;
mod options;
pub mod sender;
mod services;
mod sessions;
mod shapes;
mod state;

pub use gateway::GatewayPaths;
pub use options::{AccountOf, DstcodeIn, Options, PortalBorn};
pub use state::{Counts, PortalDossier};

use crate::{
    handle::{Handle, addr_of},
    journal::Effect,
    request::{Answer, Content, Incoming},
    runtime::lock,
    shape::text,
    simulator::{Partner, Reply, Route, Simulator},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, atomic::AtomicU64},
};
use tokio::net::TcpListener;

pub type PortalHandle = Handle<Portal>;

/// Where files are, behind an adapter's context.
const FILES: &str = "/RestService/forward/files/";

/// The partner's rules and state.
pub struct Portal {
    options: Options,
    sessions: Mutex<sessions::Sessions>,
    state: Mutex<state::State>,
    catalogue: Mutex<catalogue::Edits>,
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    successes: AtomicU64,
}

/// Starts a portal on a bound listener.
#[expect(clippy::unused_async, reason = "starting needs a runtime, and the signature says so")]
pub async fn start(listener: TcpListener, options: Options) -> PortalHandle {
    let addr = addr_of(&listener);
    let keep_bodies = options.keep_bodies;
    let portal = Portal {
        options,
        sessions: Mutex::default(),
        state: Mutex::default(),
        catalogue: Mutex::default(),
        files: Mutex::default(),
        successes: AtomicU64::new(0),
    };
    Handle::start(listener, addr, portal, keep_bodies)
}

impl Handle<Portal> {
    /// A dossier that was synchronised or got a step; born dossiers nobody touched are `None`.
    pub fn dossier(&self, code: &str) -> Option<PortalDossier> {
        lock(&self.simulator.partner.state).dossiers.get(code).cloned()
    }

    /// All dossiers by code.
    pub fn dossiers(&self) -> BTreeMap<String, PortalDossier> {
        let state = lock(&self.simulator.partner.state);
        state.dossiers.iter().map(|(code, dossier)| (code.clone(), dossier.clone())).collect()
    }

    pub fn counts(&self) -> Counts {
        lock(&self.simulator.partner.state).counts
    }

    /// The portal loses a dossier with all its steps, as after a restore of its own. Whether it knew it.
    pub fn forget(&self, code: &str) -> bool {
        lock(&self.simulator.partner.state).forget(code)
    }

    /// The portal shows another status than the last one that it was told. Whether it knows the dossier.
    pub fn show_status(&self, code: &str, status: &str) -> bool {
        lock(&self.simulator.partner.state).show(code, status)
    }

    /// No list names this procedure any more.
    pub fn withdraw_procedure(&self, code: &str) {
        lock(&self.simulator.partner.catalogue).withdrawn.insert(code.to_owned());
    }

    /// The procedure is called otherwise, or is new under this name.
    pub fn name_procedure(&self, code: &str, name: &str) {
        lock(&self.simulator.partner.catalogue).named.insert(code.to_owned(), name.to_owned());
    }

    /// From now on every list ends after so many rows; none: it is whole.
    pub fn truncate_lists(&self, longest: Option<usize>) {
        lock(&self.simulator.partner.catalogue).longest = longest;
    }

    /// Has a file from now on; its address as the portal gives it, with another adapter's host.
    pub fn offer_file(&self, name: &str, content: &[u8]) -> String {
        lock(&self.simulator.partner.files).insert(name.to_owned(), content.to_vec());
        Self::file_address(name)
    }

    /// The address of a file, whether it is there or not.
    pub fn file_address(name: &str) -> String {
        format!(
            "http://ip-ss-donvi:8080/XrdAdapter{FILES}{name}?dstcode=VN:GOV:000.00.00.G22:vpcpdvcprovider"
        )
    }

    /// Ends all sessions: the next call with one of them is refused.
    pub fn expire_sessions(&self) {
        self.simulator.partner.forget_sessions();
    }
}

impl Partner for Portal {
    const NAME: &'static str = "portal";

    fn route(&self, incoming: &Incoming) -> Route {
        let body = &incoming.json;
        if let Some(paths) = &self.options.gateway {
            let asked = paths.asked(incoming);
            let code = |at: &str| asked.as_ref()?.body.pointer(at)?.as_str().map(str::to_owned);
            let key = code("/data/0/MaHoSo").or(code("/data/MaHoSo")).or(code("/mahoso")).or(code("/maTTHC"));
            let operation = asked.as_ref().map_or("unknown", |a| a.service.as_str()).to_owned();
            return Route { operation, key: key.unwrap_or_default() };
        }
        if let Some((_, name)) = incoming.path.split_once(FILES) {
            return Route { operation: "file".to_owned(), key: name.to_owned() };
        }
        if incoming.path == self.options.login_path {
            return Route { operation: "login".to_owned(), key: text(body, "username").to_owned() };
        }
        let service = if incoming.path == self.options.data_path { text(body, "service") } else { "" };
        let operation = if service.is_empty() { "unknown" } else { service };
        let code = |at: &str| body.pointer(at).and_then(Value::as_str);
        let key = code("/data/0/MaHoSo").or(code("/data/MaHoSo")).or(code("/mahoso")).or(code("/maTTHC"));
        Route { operation: operation.to_owned(), key: key.unwrap_or_default().to_owned() }
    }

    fn handle(&self, _: &Route, incoming: &Incoming) -> Reply {
        if let Some(paths) = &self.options.gateway {
            return self.through_gateway(paths, incoming);
        }
        if let Some((_, name)) = incoming.path.split_once(FILES) {
            let found = lock(&self.files).get(name).cloned();
            let answer = found.map(|bytes| Answer { content: Content::Pdf(bytes), ..Answer::html(200, "") });
            return Reply::new(answer.unwrap_or_else(|| Answer::html(404, "<html>404</html>")), Effect::None);
        }
        let is_login = incoming.path == self.options.login_path;
        if !is_login && incoming.path != self.options.data_path {
            let html = "<html><body>404</body></html>";
            return Reply::violated(Answer::html(404, html), vec![format!("path: no {:?}", incoming.path)]);
        }
        let out = self.check_transport(incoming);
        if !out.is_empty() {
            // [GUESS] The adapter's own refusal; a body it could read is answered by the portal with 200.
            let message = out.join("; ");
            return Reply::violated(Answer::json(400, json!({"error_code": "-1", "message": message})), out);
        }
        if is_login {
            self.login(&incoming.json)
        } else {
            self.data(text(&incoming.json, "service"), &incoming.json)
        }
    }

    fn refusal(&self, code: &str, message: &str) -> Answer {
        services::refuse(code, message)
    }

    fn unauthorized(&self) -> Answer {
        services::refuse(&self.options.session_error_code, "Tài khoản không có quyền truy cập")
    }

    fn forget_sessions(&self) {
        lock(&self.sessions).forget();
    }

    fn control(simulator: &Arc<Simulator<Self>>, verb: &str, body: &Value) -> Option<Value> {
        let mut state = lock(&simulator.partner.state);
        let code = text(body, "code");
        let is_done = match verb {
            "forget" => state.forget(code),
            "status" => state.show(code, text(body, "status")),
            _ => return None,
        };
        Some(json!({ "done": usize::from(is_done) }))
    }

    fn state(&self) -> Value {
        let state = lock(&self.state);
        json!({"counts": state.counts, "dossiers": state.dossiers})
    }

    fn reset(&self) {
        *lock(&self.state) = state::State::default();
        self.forget_sessions();
    }
}
