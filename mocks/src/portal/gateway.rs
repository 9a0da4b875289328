//! A provincial gateway in front of the portal (contract 1.3): no session, one address per service, catalogues by GET, data
//! as bare arrays, and the portal's reply as text in `message`.

use super::{Portal, shapes};
use crate::{
    request::{Answer, Content, Incoming},
    shape::check,
    simulator::Reply,
};
use serde_json::{Value, json};

/// The gateway's addresses. Those seen are different in every province.
#[derive(Clone, Debug)]
pub struct GatewayPaths {
    /// Reads by GET: this and the service's name.
    pub reads: String,
    /// New and known dossiers; the same address where `by_parameters` is set.
    pub create: String,
    pub update: String,
    pub progress: String,
    pub status: String,
    /// Dossiers carry `MaDinhDanhDV` and `isUpdating` (`True`, `False`) in the query.
    pub by_parameters: bool,
}

impl Default for GatewayPaths {
    fn default() -> Self {
        Self {
            reads: "/KetNoiMotCuaQuocGia/".to_owned(),
            create: "/KetNoiMotCuaQuocGia/ThemMoi".to_owned(),
            update: "/KetNoiMotCuaQuocGia/CapNhat".to_owned(),
            progress: "/KetNoiMotCuaQuocGia/DongBoTienTrinh".to_owned(),
            status: "/KetNoiMotCuaQuocGia/DongBoTrangThai".to_owned(),
            by_parameters: false,
        }
    }
}

/// What a request to the gateway asks of the portal behind it.
pub(super) struct Asked {
    pub(super) service: String,
    /// As the portal's own envelope would have it, but for session and unit.
    pub(super) body: Value,
}

impl GatewayPaths {
    pub(super) fn asked(&self, incoming: &Incoming) -> Option<Asked> {
        let path = incoming.path.as_str();
        let data = || incoming.json.clone();
        let dossier = |updating: &str| json!({"isUpdating": updating, "data": data()});
        let asked = |service: &str, body: Value| Some(Asked { service: service.to_owned(), body });
        match path {
            _ if self.by_parameters && path == self.create => {
                asked("DongBoHoSoMC", dossier(incoming.param("isUpdating").unwrap_or_default()))
            }
            _ if path == self.create => asked("DongBoHoSoMC", dossier("False")),
            _ if path == self.update => asked("DongBoHoSoMC", dossier("True")),
            _ if path == self.progress => asked("CapNhatTienDoHoSoMC", json!({"data": data()})),
            _ if path == self.status => asked("DongBoTrangThaiHoSo", json!({"type": "2", "data": data()})),
            _ => {
                let service = path.strip_prefix(&self.reads)?;
                let parameters = incoming.query.iter().map(|(k, v)| (k.clone(), json!(v)));
                asked(service, Value::Object(parameters.collect()))
            }
        }
    }
}

impl Portal {
    /// What the gateway demands of every request, and the portal's answer behind it, wrapped.
    pub(super) fn through_gateway(&self, paths: &GatewayPaths, incoming: &Incoming) -> Reply {
        let Some(mut asked) = paths.asked(incoming) else {
            let html = "<html><body>404</body></html>";
            let said = format!("path: no {:?}", incoming.path);
            return Reply::violated(Answer::html(404, html), vec![said]);
        };
        let mut out = Vec::new();
        let is_data = asked.body.get("data").is_some();
        match (is_data, incoming.method.as_str()) {
            (true, "POST") | (false, "GET") => {}
            (_, method) => out.push(format!("method: {method} for {}", asked.service)),
        }
        if is_data && !incoming.is_json() {
            out.push("Content-Type: must be application/json".to_owned());
        }
        let is_array = incoming.json.is_array() || asked.service == "DongBoTrangThaiHoSo";
        if is_data && !is_array {
            out.push("body: must be a bare array".to_owned());
        }
        if paths.by_parameters && asked.service == "DongBoHoSoMC" {
            let unit = incoming.param("MaDinhDanhDV");
            if unit.is_none_or(|u| !crate::shape::is_agency(u)) {
                out.push(format!("MaDinhDanhDV: {unit:?} is not an agency code"));
            }
        }
        // A gateway adds session, unit and service itself: none of them may come from outside.
        for name in ["session", "madonvi", "service"] {
            if asked.body.get(name).is_some() {
                out.push(format!("{name}: has no place before a gateway"));
            }
        }
        if !out.is_empty() {
            return wrapped(self.violated(out));
        }
        if let Value::Object(body) = &mut asked.body {
            body.insert("service".to_owned(), json!(asked.service));
        }
        wrapped(self.serve(&asked.service, &asked.body))
    }

    /// The service behind session and envelope.
    fn serve(&self, service: &str, body: &Value) -> Reply {
        let Some(shape) = shapes::of(service) else {
            return self.violated(vec![format!("service: {service:?} is not a service")]);
        };
        let mut out = Vec::new();
        let own: Vec<_> =
            shape.iter().copied().filter(|f| !["session", "madonvi"].contains(&f.name)).collect();
        check("", body, &own, &mut out);
        self.carry_out(service, body, out)
    }
}

/// The portal's reply as text in `message`, its code beside it.
fn wrapped(mut reply: Reply) -> Reply {
    if let Content::Json(inner) = &reply.answer.content {
        let code = inner.get("error_code").cloned().unwrap_or_default();
        reply.answer.content = Content::Json(json!({"error_code": code, "message": inner.to_string()}));
    }
    reply
}
