//! Sessions: single flight, sharing, one repeat after a refusal, never more than one login per 30 s.

use super::*;

const STEPS: &str = "CapNhatTienDoHoSoMC";

/// A session that this long ago was put into the store.
fn shared(seconds_ago: i64) -> Shared {
    let acquired_at = now() - SignedDuration::from_secs(seconds_ago);
    let expires_at = acquired_at + SignedDuration::from_mins(8);
    Shared(Mutex::new(Some(Session { token: "from-store".to_owned(), acquired_at, expires_at })))
}

async fn sessions_used(server: &MockServer) -> Vec<String> {
    let requests = server.received_requests().await.unwrap();
    let bodies = requests.iter().map(|r| r.body_json::<Value>().unwrap());
    bodies.map(|b| b["session"].as_str().unwrap_or("login").to_owned()).collect()
}

#[tokio::test]
async fn many_attempts_at_once_log_in_once_and_share_the_session() {
    let slow = json_of(json!({"error_code": 0, "session": "only"})).set_delay(Duration::from_millis(100));
    let server = Script::default().on("login", slow).start().await;
    let (portal, sessions) = (portal(&server.uri()), Shared::default());
    let (one, two, three) = (progress(&["a"]), progress(&["b"]), progress(&["c"]));
    let (c1, c2, c3) = (call(&sessions), call(&sessions), call(&sessions));
    let outcomes =
        tokio::join!(portal.attempt(&one, &c1), portal.attempt(&two, &c2), portal.attempt(&three, &c3));
    assert_eq!([outcomes.0.name(), outcomes.1.name(), outcomes.2.name()], ["done"; 3]);
    assert_eq!(asked(&server).await.iter().filter(|s| *s == "login").count(), 1);
    assert_eq!(sessions.0.lock().unwrap().as_ref().unwrap().token, "only");
}

#[tokio::test]
async fn whoever_waited_for_a_failed_login_takes_its_failure() {
    let slow = said("-1", "Sai mật khẩu").set_delay(Duration::from_millis(100));
    let server = Script::default().on("login", slow).start().await;
    let (portal, sessions) = (portal(&server.uri()), Shared::default());
    let (one, two) = (progress(&["a"]), progress(&["b"]));
    let (c1, c2) = (call(&sessions), call(&sessions));
    let outcomes = tokio::join!(portal.attempt(&one, &c1), portal.attempt(&two, &c2));
    for outcome in [outcomes.0, outcomes.1] {
        assert!(
            matches!(&outcome, Outcome::Paused(p) if p.cause == Cause::CredentialsRejected),
            "{outcome:?}"
        );
    }
    assert_eq!(asked(&server).await, ["login"]);
    portal.attempt(&one, &call(&sessions)).await;
    assert_eq!(asked(&server).await, ["login", "login"]);
}

#[tokio::test]
async fn the_stores_session_is_used_until_it_ends() {
    let server = Script::default().start().await;
    let (portal, sessions) = (portal(&server.uri()), shared(60));
    portal.attempt(&progress(&["a"]), &call(&sessions)).await;
    portal.attempt(&progress(&["b"]), &call_at(&sessions, 419)).await;
    portal.attempt(&progress(&["c"]), &call_at(&sessions, 421)).await;
    assert_eq!(sessions_used(&server).await, ["from-store", "from-store", "login", "session-1"]);
}

#[tokio::test]
async fn a_refused_session_is_replaced_and_the_call_repeated_once() {
    for words in ["Phiên làm việc không hợp lệ hoặc đã hết hạn", "Lỗi không rõ"] {
        let server = Script::default().says(STEPS, "-1", words).says(STEPS, "0", "thành công").start().await;
        let (portal, sessions) = (portal(&server.uri()), shared(60));
        let outcome = portal.attempt(&progress(&["a"]), &call(&sessions)).await;
        assert_eq!(outcome.name(), "done", "{outcome:?}");
        assert_eq!(sessions_used(&server).await, ["from-store", "login", "session-1"]);
    }
}

#[tokio::test]
async fn a_second_refusal_stands() {
    let server = Script::default().says(STEPS, "-1", "Session expired").start().await;
    let (portal, sessions) = (portal(&server.uri()), shared(60));
    let outcome = portal.attempt(&progress(&["a"]), &call(&sessions)).await;
    assert!(matches!(&outcome, Outcome::NotDone(s) if s.cause == Cause::SessionRejected), "{outcome:?}");
    let server = Script::default().says(STEPS, "-1", "Lỗi không rõ").start().await;
    let (portal, sessions) = (self::portal(&server.uri()), shared(60));
    let outcome = portal.attempt(&progress(&["a"]), &call(&sessions)).await;
    assert!(matches!(&outcome, Outcome::Refused(r) if r.cause == Cause::DataRefused), "{outcome:?}");
    assert_eq!(sessions_used(&server).await, ["from-store", "login", "session-1"]);
}

#[tokio::test]
async fn a_young_session_is_not_replaced() {
    let server = Script::default().says(STEPS, "-1", "Lỗi không rõ").start().await;
    let (portal, sessions) = (portal(&server.uri()), shared(29));
    assert_eq!(portal.attempt(&progress(&["a"]), &call(&sessions)).await.name(), "refused");
    assert_eq!(sessions_used(&server).await, ["from-store"]);
}

#[tokio::test]
async fn a_refusal_that_the_table_lists_does_not_cost_a_login() {
    let server = Script::default().says(STEPS, "-1", "Không tìm thấy hồ sơ").start().await;
    let (portal, sessions) = (portal(&server.uri()), shared(60));
    let outcome = portal.attempt(&progress(&["a"]), &call(&sessions)).await;
    assert!(matches!(&outcome, Outcome::Refused(r) if r.cause == Cause::UnknownThere), "{outcome:?}");
    assert_eq!(sessions_used(&server).await, ["from-store"]);
}

#[tokio::test]
async fn a_session_that_another_replica_renewed_is_taken_from_the_store() {
    let server =
        Script::default().says(STEPS, "-1", "Lỗi không rõ").says(STEPS, "0", "thành công").start().await;
    let (portal, sessions) = (portal(&server.uri()), shared(120));
    // This process holds the old one; the store has a newer one by now.
    let old = sessions.0.lock().unwrap().clone().unwrap();
    portal.keeper_holds(old).await;
    let renewed = Session { token: "renewed".to_owned(), ..shared(5).0.into_inner().unwrap().unwrap() };
    *sessions.0.lock().unwrap() = Some(renewed);
    assert_eq!(portal.attempt(&progress(&["a"]), &call(&sessions)).await.name(), "done");
    assert_eq!(sessions_used(&server).await, ["from-store", "renewed"]);
}

#[tokio::test]
async fn a_login_that_does_not_come_off_is_a_setback_except_when_refused() {
    let table = [
        (ResponseTemplate::new(500), "not_done"),
        (ResponseTemplate::new(200).set_body_string("<html/>"), "not_done"),
        (json_of(json!({"error_code": 0})), "not_done"),
        (ResponseTemplate::new(429), "not_done"),
        (ResponseTemplate::new(200).set_delay(Duration::from_secs(3)), "not_done"),
        (ResponseTemplate::new(401), "paused"),
        (said("-1", "Sai tên đăng nhập hoặc mật khẩu"), "paused"),
    ];
    for (answer, name) in table {
        let server = Script::default().on("login", answer).start().await;
        let sessions = Shared::default();
        let outcome = portal(&server.uri()).attempt(&sync(), &call(&sessions)).await;
        assert_eq!(outcome.name(), name, "{outcome:?}");
        assert_eq!(asked(&server).await, ["login"]);
    }
}
