//! Backup and restore of PostgreSQL, by its own tools.

use lienthong_tests::{Plan, restored};

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_database_sends_nothing_before_the_decision_and_doubles_nothing_after_it() {
    restored::story(Plan::on_servers().open().await).await;
}
