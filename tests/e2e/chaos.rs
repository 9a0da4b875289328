//! Every kind of fault once, with two replicas: the short form of `make chaos`.

use lienthong_tests::{
    chaos::{self, Course},
    program,
};

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_under_every_kind_of_fault_lose_double_and_reorder_nothing() {
    let logs = program::binary().with_file_name("chaos-logs").join("short");
    let report = Box::pin(chaos::run(&Course::short(3), &logs)).await;
    println!("{report}");
    assert!(report.is_good(), "{report}");
}
