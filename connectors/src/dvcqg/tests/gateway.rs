//! A provincial gateway: what goes where in which form, and what its answers mean.

use super::*;

/// What the gateway got: method, path with query, body.
async fn got(server: &MockServer) -> Vec<(String, String, Value)> {
    let requests = server.received_requests().await.unwrap();
    let one = |r: &Received| {
        let query = r.url.query().map(|q| format!("?{q}")).unwrap_or_default();
        let body = serde_json::from_slice(&r.body).unwrap_or(Value::Null);
        (r.method.to_string(), format!("{}{query}", r.url.path()), body)
    };
    requests.iter().map(one).collect()
}

fn gateway(more: Value) -> Value {
    let mut gateway =
        json!({"create_path": "/a/them", "update_path": "/a/sua", "progress_path": "/a/tien-trinh"});
    gateway.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"dialect": "gateway", "gateway": gateway, "username": "", "password": null})
}

fn wrapped(inner: Value) -> ResponseTemplate {
    json_of(json!({"error_code": "0", "message": inner.to_string()}))
}

async fn answering(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

async fn update(answer: ResponseTemplate) -> Outcome {
    let server = answering(answer).await;
    let sessions = Shared::default();
    let task = Task { acknowledged: true, ..progress(&["Một"]) };
    portal_with(&server.uri(), gateway(json!({}))).attempt(&task, &call(&sessions)).await
}

#[tokio::test]
async fn data_goes_bare_to_an_address_per_service_and_reads_are_asked_by_get() {
    let server = answering(wrapped(json!({"error_code": "0", "message": "thành công", "result": []}))).await;
    let sessions = Shared::default();
    let portal = portal_with(&server.uri(), gateway(json!({})));
    assert_eq!(portal.attempt(&sync(), &call(&sessions)).await.name(), "done");
    assert_eq!(portal.attempt(&Task { acknowledged: true, ..sync() }, &call(&sessions)).await.name(), "done");
    assert_eq!(portal.attempt(&progress(&["Một"]), &call(&sessions)).await.name(), "done");
    let got = got(&server).await;
    let places: Vec<String> = got.iter().map(|(method, path, _)| format!("{method} {path}")).collect();
    assert_eq!(
        places,
        [
            "GET /KetNoiMotCuaQuocGia/LayThuTuc?maTTHC=1.001193",
            "GET /KetNoiMotCuaQuocGia/TraCuuHoSo?mahoso=000.00.08.H99-261123-0001",
            "POST /a/them",
            "POST /a/sua",
            "POST /a/tien-trinh",
        ]
    );
    let expected: Value = serde_json::from_str(include_str!("../fixtures/local.portal.json")).unwrap();
    assert_eq!(got[2].2, json!([expected]), "a bare array, without session or envelope");
    assert_eq!(got[4].2[0]["NoiDungXuLy"], "Một");
}

#[tokio::test]
async fn one_address_with_the_unit_and_the_mode_in_the_query_is_another_form_of_it() {
    let server = answering(wrapped(json!({"error_code": 0, "message": "thành công", "result": []}))).await;
    let sessions = Shared::default();
    let path = "/api/SynsTTHCC/DongBoHoSoMC?MaDinhDanhDV={madonvi}&isUpdating={isUpdating}";
    let portal = portal_with(&server.uri(), gateway(json!({"create_path": path, "update_path": path})));
    portal.attempt(&sync(), &call(&sessions)).await;
    portal.attempt(&Task { acknowledged: true, ..sync() }, &call(&sessions)).await;
    let places: Vec<String> = got(&server).await.into_iter().map(|(_, path, _)| path).collect();
    let place = "/api/SynsTTHCC/DongBoHoSoMC?MaDinhDanhDV=000.00.00.H99&isUpdating=";
    assert_eq!(places[2..], [format!("{place}False"), format!("{place}True")]);
}

#[tokio::test]
async fn each_answer_of_a_gateway_means_what_stands_inside_and_a_contradiction_states_nothing() {
    let ok = json!({"error_code": "00", "message": "Cập nhật thành công"});
    let refused = json!({"error_code": -3, "message": "Dữ liệu sai"});
    let table = [
        (wrapped(ok.clone()), "done"),
        (json_of(json!({"error_code": 0, "message": ok})), "done"),
        (json_of(json!({"error_code": "0", "message": "Cập nhật thành công"})), "done"),
        (wrapped(refused.clone()), "refused"),
        (json_of(json!({"error_code": "-1", "message": refused.to_string()})), "refused"),
        (json_of(json!({"error_code": "-1", "message": "Hồ sơ không tồn tại"})), "refused"),
        (json_of(json!({"error_code": "-1", "message": ok.to_string()})), "unclear"),
        (wrapped(json!({"error_code": null, "message": "?"})), "unclear"),
        (ResponseTemplate::new(200).set_body_string("Cập nhật thành công"), "unclear"),
        (ResponseTemplate::new(200).set_body_string("<html/>"), "unclear"),
        (ResponseTemplate::new(401), "paused"),
        (ResponseTemplate::new(503), "not_done"),
    ];
    for (answer, name) in table {
        let shown = format!("{answer:?}");
        let outcome = update(answer).await;
        assert_eq!(outcome.name(), name, "{shown}: {outcome:?}");
    }
}

#[tokio::test]
async fn the_words_and_the_code_of_a_refusal_are_the_portals_own() {
    let outcome = update(wrapped(json!({"error_code": -9, "message": "NoiDungXuLy sai"}))).await;
    assert!(
        matches!(&outcome, Outcome::Refused(r) if r.code == "-9" && r.said == "NoiDungXuLy sai" && r.field.as_deref() == Some("NoiDungXuLy")),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_check_needs_no_login() {
    let server = answering(wrapped(json!({"error_code": "0", "result": [{"MATTHC": "1"}]}))).await;
    let sessions = Shared::default();
    let portal = portal_with(&server.uri(), gateway(json!({})));
    assert!(portal.check(&call(&sessions)).await.unwrap().contains("1 procedures"));
    let places: Vec<String> = got(&server).await.into_iter().map(|(_, path, _)| path).collect();
    assert_eq!(places, ["/KetNoiMotCuaQuocGia/LayDanhSachTTHC"]);
    // Rows that stand in `message` themselves.
    let server = answering(json_of(json!({"error_code": "0", "message": "[{\"MATTHC\": \"1\"}]"}))).await;
    let portal = portal_with(&server.uri(), gateway(json!({})));
    assert!(portal.check(&call(&sessions)).await.unwrap().contains("1 procedures"));
}

#[test]
fn what_a_gateway_lacks_is_named() {
    let table = [
        (json!({"dialect": "gateway"}), "gateway"),
        (json!({"gateway": {"create_path": "/a"}}), "gateway"),
        (gateway(json!({"create_path": ""})), "gateway.create_path"),
        (gateway(json!({"progress_path": " "})), "gateway.progress_path"),
        (gateway(json!({"read_path": "/doc"})), "gateway.read_path"),
        (gateway(json!({"update_path": "/{unit}"})), "gateway.update_path"),
    ];
    for (settings, key) in table {
        let error = Dvcqg::new(id(), String::new(), None, &config("http://a", settings)).err().unwrap();
        assert_eq!(error.key, key, "{error}");
    }
    let mut status = gateway(json!({}));
    status["portal_born"] = json!("both");
    let error = Dvcqg::new(id(), String::new(), None, &config("http://a", status)).err().unwrap();
    assert_eq!(error.key, "gateway.status_path");
    let mut unit = gateway(json!({"create_path": "/a?u={madonvi}"}));
    unit["madonvi"] = json!("");
    let error = Dvcqg::new(id(), String::new(), None, &config("http://a", unit)).err().unwrap();
    assert_eq!(error.key, "madonvi");
}
