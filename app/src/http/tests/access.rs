//! Who gets in, and who does not: tokens, scopes, cookies, forms, headers.

use axum::http::{Method, StatusCode, header};
use jiff::SignedDuration;

use super::{fake, live, now, over, server};
use crate::{
    http::{
        Display,
        auth::{Auth, AuthError, Scope},
    },
    i18n::Locale,
};

const READ: [&str; 10] = [
    "/v1/status",
    "/v1/ledgers",
    "/v1/retention",
    "/v1/dossiers/000.00.08.H99-261122-0001",
    "/v1/operations",
    "/v1/operations/102",
    "/v1/quarantine",
    "/v1/quarantine/1",
    "/v1/inbound",
    "/v1/events",
];
const PAGES: [&str; 9] = [
    "/",
    "/ho-so",
    "/ho-so/000.00.08.H99-261122-0001",
    "/thao-tac",
    "/thao-tac/102",
    "/gui-lai",
    "/tu-cong",
    "/cach-ly",
    "/cach-ly/1",
];
const DEEDS: [&str; 2] = ["/v1/operations/102/retry", "/v1/operations/102/dismiss"];

#[tokio::test]
async fn reading_needs_the_scope_read_and_nothing_else() {
    let server = over(fake::rich());
    for path in READ {
        let nobody = server.bare(Method::GET, path).await;
        assert_eq!(nobody.status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(nobody.json()["error"]["code"], "token_missing");
        let other = server.api(Method::GET, path, &[Scope::Publish, Scope::Operate], "", "").await;
        assert_eq!(other.status, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(server.ask(path).await.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn deeds_need_operate_and_events_need_publish() {
    let server = over(fake::rich());
    for path in DEEDS {
        assert_eq!(server.bare(Method::POST, path).await.status, StatusCode::UNAUTHORIZED);
        let reader =
            server.api(Method::POST, path, &[Scope::Read, Scope::Publish], "application/json", "{}").await;
        assert_eq!(reader.status, StatusCode::FORBIDDEN);
    }
    assert_eq!(server.bare(Method::POST, "/v1/events").await.status, StatusCode::UNAUTHORIZED);
    let reader = server.api(Method::POST, "/v1/events", &[Scope::Read], "application/json", "[]").await;
    assert_eq!(reader.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_cookie_reads_the_api_but_never_changes_anything_there() {
    let server = over(fake::rich());
    let cookie = format!("lienthong={}", server.token(&Scope::ALL));
    assert_eq!(server.browse("/v1/status", &cookie).await.status, StatusCode::OK);
    let deed = server.post("/v1/operations/102/retry", &cookie, "").await;
    assert_eq!(deed.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn pages_send_strangers_to_the_log_in_and_back() {
    let server = over(fake::rich());
    for path in PAGES {
        let stranger = server.bare(Method::GET, path).await;
        assert_eq!(stranger.status, StatusCode::SEE_OTHER, "{path}");
        let target = stranger.headers[header::LOCATION].to_str().unwrap().to_owned();
        assert_eq!(target, format!("/login?next={}", path.replace('/', "%2F")));
        assert_eq!(server.page(path, &[Scope::Operate]).await.status, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(server.page(path, &[Scope::Read]).await.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn a_pasted_token_opens_a_session_and_a_wrong_one_does_not() {
    let server = over(fake::rich());
    let form = server.bare(Method::GET, "/login?next=/thao-tac").await;
    let visit = format!("lienthong-visit={}", form.cookie("lienthong-visit").unwrap());
    let fields = |token: &str| format!("form_token={}&next=/thao-tac&token={token}", form.form_token());
    let good = server.post("/login", &visit, &fields(&server.token(&[Scope::Read]))).await;
    assert_eq!(
        (good.status, &good.headers[header::LOCATION]),
        (StatusCode::SEE_OTHER, &"/thao-tac".parse().unwrap())
    );
    let session = format!("lienthong={}", good.cookie("lienthong").unwrap());
    assert_eq!(server.browse("/", &session).await.status, StatusCode::OK);
    let wrong = server.post("/login", &visit, &fields("abc")).await;
    assert_eq!((wrong.status, wrong.cookie("lienthong")), (StatusCode::UNAUTHORIZED, None));
    let foreign = server.post("/login", "lienthong-visit=else", &fields(&server.token(&[Scope::Read]))).await;
    assert_eq!((foreign.status, foreign.cookie("lienthong")), (StatusCode::FORBIDDEN, None));
}

#[tokio::test]
async fn a_link_works_once_and_leads_only_to_our_own_pages() {
    let server = over(fake::rich());
    let link = format!("/login?token={}&next=//evil.example", server.token(&[Scope::Read]));
    let first = server.bare(Method::GET, &link).await;
    assert_eq!(first.status, StatusCode::OK);
    assert!(first.body.contains("0;url=/\""));
    let token = link.split(['=', '&']).nth(1).unwrap();
    assert!(!first.body.contains("href=\"//") && !first.body.contains(token), "{}", first.body);
    let session = format!("lienthong={}", first.cookie("lienthong").unwrap());
    assert_eq!(server.browse("/", &session).await.status, StatusCode::OK);
    let second = server.bare(Method::GET, &link).await;
    assert_eq!((second.status, second.cookie("lienthong")), (StatusCode::UNAUTHORIZED, None));
}

#[tokio::test]
async fn forms_without_our_token_change_nothing() {
    let server = live();
    let cookie = format!("lienthong={}", server.token(&Scope::ALL));
    for path in ["/thao-tac/1/lam-lai", "/thao-tac/1/bo-qua", "/logout"] {
        let foreign = server.post(path, &cookie, "reason=x&form_token=00").await;
        assert_eq!(foreign.status, StatusCode::FORBIDDEN, "{path}");
    }
    let reader = format!("lienthong={}", server.token(&[Scope::Read]));
    assert_eq!(server.post("/thao-tac/1/lam-lai", &reader, "reason=x").await.status, StatusCode::FORBIDDEN);
    assert!(server.store.audit().is_empty());
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let server = over(fake::rich());
    for path in ["/", "/login", "/v1/status", "/livez", "/nowhere", "/callbacks/none/x"] {
        let headers = server.bare(Method::GET, path).await.headers;
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}");
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
        assert_eq!(headers[header::CACHE_CONTROL], "no-store", "{path}");
        assert!(headers.contains_key("x-request-id"), "{path}");
    }
}

#[tokio::test]
async fn behind_https_cookies_are_secure_and_bound_to_the_host() {
    let public_url = Some("https://lienthong.example.gov.vn".to_owned());
    let display = Display { public_url, locale: Locale::En, ..Display::default() };
    let server = server(|_| std::sync::Arc::new(fake::empty()), display);
    let answer = server.bare(Method::GET, &format!("/login?token={}", server.token(&[Scope::Read]))).await;
    let cookie = answer.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(
        cookie.starts_with("__Host-lienthong=") && cookie.ends_with("; HttpOnly; SameSite=Strict; Secure")
    );
    assert!(answer.headers.contains_key(header::STRICT_TRANSPORT_SECURITY));
    assert!(answer.body.contains("lang=\"en\""));
}

#[tokio::test]
async fn the_language_is_chosen_by_a_link_and_kept() {
    let server = over(fake::rich());
    let chosen = server.page("/thao-tac?state=stuck&lang=en", &[Scope::Read]).await;
    assert_eq!(chosen.headers[header::LOCATION], "/thao-tac?state=stuck");
    let cookies =
        format!("lienthong={}; lang={}", server.token(&[Scope::Read]), chosen.cookie("lang").unwrap());
    let page = server.browse("/thao-tac", &cookies).await;
    assert!(page.body.contains("<html lang=\"en\">") && page.body.contains("Operations"));
}

#[test]
fn tokens_end_by_the_given_clock_and_only_ours_are_believed() {
    jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default().ok();
    let ours = Auth::new("a secret of at least thirty-two bytes".to_owned().into());
    let theirs = Auth::new("another secret of thirty-two bytes!".to_owned().into());
    let hour = SignedDuration::from_hours(1);
    let token = ours.issue("an", &[Scope::Read], hour, now()).unwrap();
    assert!(ours.check(&token, now()).unwrap().may(Scope::Read));
    assert_eq!(ours.check(&token, now() + hour), Err(AuthError::Expired));
    assert_eq!(theirs.check(&token, now()), Err(AuthError::NotOurs));
    assert!(!format!("{ours:?}").contains("secret"));
    let form = ours.form_token("session");
    assert!(ours.is_form_token("session", &form) && !ours.is_form_token("other", &form));
    assert!(!theirs.is_form_token("session", &form) && !ours.is_form_token("session", ""));
}

#[test]
fn a_session_of_a_vendor_is_its_own_short_and_ends() {
    let auth = Auth::new("a secret of at least thirty-two bytes".to_owned().into());
    let session = auth.session("motcua-08", now() + SignedDuration::from_mins(10));
    assert!(session.len() <= 60, "known clients keep it in a narrow column: {session}");
    assert_eq!(auth.check_session("motcua-08", &session, now()), Ok(()));
    assert_eq!(auth.check_session("motcua-09", &session, now()), Err(AuthError::NotOurs));
    let later = now() + SignedDuration::from_mins(10);
    assert_eq!(auth.check_session("motcua-08", &session, later), Err(AuthError::Expired));
    let longer = format!("f{session}");
    assert_eq!(auth.check_session("motcua-08", &longer, later), Err(AuthError::NotOurs));
    assert_eq!(auth.check(&session, now()).err(), Some(AuthError::NotOurs), "no token");
}
