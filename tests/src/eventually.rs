//! Waiting for something to become true, with a deadline; the only way in which tests wait.

use std::{fmt::Debug, time::Duration};

/// How often is looked. Short, because a look is cheap; never a measure of anything.
const LOOK_EVERY: Duration = Duration::from_millis(40);

/// Looks until `look` gives something, at most for `within`. What it last said instead goes into the panic.
pub async fn eventually<T, E: Debug>(
    what: &str,
    within: Duration,
    mut look: impl AsyncFnMut() -> Result<T, E>,
) -> T {
    let deadline = tokio::time::Instant::now() + within;
    loop {
        match look().await {
            Ok(found) => return found,
            Err(instead) => {
                assert!(
                    tokio::time::Instant::now() < deadline,
                    "{what}: not within {within:?}; last: {instead:?}"
                );
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
