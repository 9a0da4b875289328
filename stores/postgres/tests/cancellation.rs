//! A caller that gives up never takes a transaction with it: with sqlx 0.9, a `begin` dropped half way leaves its
//! connection "idle in transaction", and what is written on it next is answered `Ok` and lost (transact-rs/sqlx #4394).

#[cfg(test)]
mod support;

#[cfg(test)]
mod tests {
    use crate::support::{eventually, with_store};
    use lienthong_core::port::{
        store::{Decision, Store},
        work::Scope,
    };
    use lienthong_store_postgres::{Options, PostgresStore};
    use sqlx::{Connection, PgConnection, PgPool, postgres::PgConnectOptions};
    use std::{str::FromStr, sync::Arc, time::Duration};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
        task::JoinSet,
    };

    /// A proxy that adds 3 ms each way, so that there is time to give up in the middle.
    async fn slow_proxy(tasks: &mut JoinSet<()>, to: (String, u16)) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tasks.spawn(async move {
            let mut pumps = JoinSet::new();
            loop {
                let (near, _) = listener.accept().await.unwrap();
                let far = TcpStream::connect(&to).await.unwrap();
                near.set_nodelay(true).unwrap();
                far.set_nodelay(true).unwrap();
                let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
                for (mut from, mut to) in [(near_in, far_out), (far_in, near_out)] {
                    pumps.spawn(async move {
                        let mut buffer = vec![0; 65536];
                        while let Ok(length @ 1..) = from.read(&mut buffer).await {
                            tokio::time::sleep(Duration::from_millis(3)).await;
                            if to.write_all(&buffer[..length]).await.is_err() {
                                break;
                            }
                        }
                    });
                }
            }
        });
        port
    }

    async fn stuck(watch: &PgPool) -> i64 {
        sqlx::query_scalar(
            "select count(*) from pg_stat_activity
            where datname = current_database() and state like 'idle in transaction%'",
        )
        .fetch_one(watch)
        .await
        .unwrap()
    }

    async fn written(watch: &PgPool, subject: &str) -> i64 {
        sqlx::query_scalar("select count(*) from audit where subject = $1")
            .bind(subject)
            .fetch_one(watch)
            .await
            .unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_caller_that_gives_up_leaves_no_transaction_open_and_loses_no_row() {
        with_store(|_, url| async move {
            let direct = PgConnectOptions::from_str(&url).unwrap();
            let mut tasks = JoinSet::new();
            let port = slow_proxy(&mut tasks, (direct.get_host().to_owned(), direct.get_port())).await;
            let address = url.replacen(&format!(":{}/", direct.get_port()), &format!(":{port}/"), 1);
            assert_ne!(address, url, "the address of the test server has to name its port");
            let mut options = Options::new(address.replacen(direct.get_host(), "127.0.0.1", 1));
            options.max_connections = 1;
            let store = PostgresStore::connect(options).await.unwrap();
            let watch = PgPool::connect_with(direct).await.unwrap();
            let (mut gone, mut stayed) = (0, 0);
            for round in 0..60_u64 {
                let subject = format!("round {round}");
                let inside = subject.clone();
                let decision: Decision = Arc::new(move |work| {
                    work.audit.push(("somebody".into(), "test".into(), inside.clone()));
                });
                // From the middle of `begin` to after the commit.
                let patience = Duration::from_micros(1_000 + round * 2_500);
                match tokio::time::timeout(patience, store.transact(Scope::default(), decision)).await {
                    Err(_) => gone += 1,
                    Ok(answer) => {
                        answer.unwrap();
                        stayed += 1;
                        assert_eq!(
                            written(&watch, &subject).await,
                            1,
                            "Ok, but nobody else sees it: {subject}"
                        );
                    }
                }
                // The next to use the connection writes on a clean one, and what it is told is true.
                let next = format!("after round {round}");
                let inside = next.clone();
                let decision: Decision = Arc::new(move |work| {
                    work.audit.push(("somebody".into(), "test".into(), inside.clone()));
                });
                store.transact(Scope::default(), decision).await.unwrap();
                assert_eq!(written(&watch, &next).await, 1, "Ok, but nobody else sees it: {next}");
                // What was given up ran to its end all the same.
                assert_eq!(written(&watch, &subject).await, 1, "cut off: {subject}");
            }
            assert!(gone > 10 && stayed > 0, "the trial tries nothing: {gone} gave up, {stayed} stayed");
            eventually("no connection is idle in transaction", || async { stuck(&watch).await == 0 }).await;
            store.close().await;
            watch.close().await;
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn questions_that_are_given_up_leave_nothing_open_either() {
        with_store(|store, url| async move {
            let mut watch = PgConnection::connect(&url).await.unwrap();
            for round in 0..200_u64 {
                let patience = Duration::from_micros(round * 10);
                drop(tokio::time::timeout(patience, store.set_cursor("c", "1", &fence())).await);
                drop(tokio::time::timeout(patience, store.fold_ledgers()).await);
            }
            let pool = PgPool::connect(&url).await.unwrap();
            eventually("no connection is idle in transaction", || async { stuck(&pool).await == 0 }).await;
            let rows: i64 =
                sqlx::query_scalar("select count(*) from cursors").fetch_one(&mut watch).await.unwrap();
            assert_eq!(rows, 0, "there is no such singleton, so nobody may set its cursor");
            pool.close().await;
        })
        .await;
    }

    fn fence() -> lienthong_core::port::store::Fence {
        lienthong_core::port::store::Fence { name: "nobody".into(), number: 1 }
    }
}
