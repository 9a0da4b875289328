//! Plans are kept (`plan_cache_mode`), so they have to be right whatever the tables held when they were made. The worst
//! moment: much has ended, nothing is open, and the server's statistics say so.

use serde_json::Value;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, Row};
use std::{fs, path::Path, time::Duration};

use crate::{
    Options, PostgresStore,
    database::{Limits, connect_options},
};

/// What a unit of work asks on its way: a part of its text, and the index that answers it.
const BY_KEY: [(&str, &str); 4] = [
    ("where lane = any($1) and state < 10", "operations_open"),
    ("as \"is_waiting!\"", "lanes_due"),
    ("o.need = i.key and", "operations_need"),
    (
        "from lanes where key = any($1)\n            order by key, connector\n            for update",
        "lanes_key_connector_key",
    ),
];

/// The text and the number of parameters of the one statement of the store that holds this text.
fn statement(part: &str) -> (String, usize) {
    let known = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".sqlx")).unwrap();
    let read = |path: fs::DirEntry| serde_json::from_slice::<Value>(&fs::read(path.path()).unwrap()).unwrap();
    let mut found: Vec<(String, usize)> = known
        .map(|path| read(path.unwrap()))
        .filter_map(|entry| {
            let text = entry["query"].as_str()?.to_owned();
            let parameters = entry["describe"]["parameters"]["Left"].as_array().map_or(0, Vec::len);
            text.contains(part).then_some((text, parameters))
        })
        .collect();
    assert_eq!(found.len(), 1, "statements with {part:?}");
    found.remove(0)
}

async fn plan(connection: &mut PgConnection, part: &str) -> String {
    let (text, parameters) = statement(part);
    connection.execute(AssertSqlSafe(format!("prepare asked as {text}"))).await.unwrap();
    let nulls = vec!["null"; parameters].join(", ");
    let explain = AssertSqlSafe(format!("explain (costs off) execute asked({nulls})"));
    let lines = connection.fetch_all(sqlx::raw_sql(explain)).await.unwrap();
    connection.execute("deallocate asked").await.unwrap();
    lines.iter().map(|line| line.get::<String, _>(0)).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn what_a_unit_asks_is_answered_by_key_though_little_was_open_when_it_was_planned() {
    let Ok(server) = std::env::var("LIENTHONG_TEST_PG") else {
        println!("skipped: LIENTHONG_TEST_PG is not set");
        return;
    };
    let name = format!("lienthong_plans_{}", std::process::id());
    let mut admin = PgConnection::connect(&server).await.unwrap();
    admin.execute(AssertSqlSafe(format!("create database {name}"))).await.unwrap();
    let url = format!("{}/{name}", server.rsplit_once('/').unwrap().0);
    let store = PostgresStore::connect(Options::new(&url)).await.unwrap();
    store.migrate().await.unwrap();
    store.close().await;
    let limits = Limits::new(Duration::from_secs(10));
    let mut connection = connect_options(&url, limits).unwrap().connect().await.unwrap();
    connection
        .execute(
            "insert into lanes (id, connector, key, next_position, acknowledged, state, due_at, claim, since)
            select n, 'dvcqg', 'k' || n, 2, true, 0, 0, 0, 0 from generate_series(1, 20000) n;
            insert into operations (id, lane, position, connector, action, event, payload, state, due_at, attempts, begun, doubted,
                created_at, ended_at)
            select n, n, 1, 'dvcqg', 'sync_dossier', 1, '{}', 10, 0, 0, true, false, 0, 0 from generate_series(1, 20000) n;
            analyze",
        )
        .await
        .unwrap();
    let mut wrong = Vec::new();
    for (part, index) in BY_KEY {
        let plan = plan(&mut connection, part).await;
        let is_by_key = plan.lines().zip(plan.lines().skip(1)).any(|(scan, condition)| {
            scan.contains(&format!("using {index} on")) && condition.contains("Index Cond")
                || scan.contains(&format!("Bitmap Index Scan on {index}")) && condition.contains("Index Cond")
        });
        if !is_by_key || plan.contains("Seq Scan") || plan.contains("Join Filter") {
            wrong.push(plan);
        }
    }
    connection.close().await.unwrap();
    admin.execute(AssertSqlSafe(format!("drop database {name} with (force)"))).await.unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
