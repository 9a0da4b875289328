//! The committed traffic is what the generator makes.

use lienthong_tests::traffic::{self, MESS, SIXTY};

#[tokio::test]
async fn committed_traffic_is_what_the_generator_makes_today() {
    for fixture in [SIXTY, MESS] {
        let made = traffic::generate(fixture.options).await;
        assert!(
            traffic::lines(&made) == fixture.lines(),
            "{}: make it again with {:?}",
            fixture.file,
            fixture.options
        );
    }
}
