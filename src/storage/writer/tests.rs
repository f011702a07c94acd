//! Groups: what one job does to the others, and what a failed transaction does to all.

use futures_util::future::join_all;
use sea_orm::sqlx::sqlite::SqliteConnectOptions;
use sea_orm::{ConnectionTrait as _, Statement};

use super::*;

/// A writer on a new file with one table, and the folder that holds it.
async fn writer() -> (Writer, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("test.db");
    let mut options = ConnectOptions::new("sqlite::memory:");
    options
        .max_connections(1)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(move |_| SqliteConnectOptions::new().filename(&path).create_if_missing(true));
    let writer = Writer::start(options).await.expect("the writer starts");
    execute(&writer, "CREATE TABLE t (n INTEGER PRIMARY KEY)").await.expect("a table is made");
    (writer, folder)
}

async fn execute(writer: &Writer, sql: &str) -> Result<(), StorageError> {
    let run: Run<String, ()> = |tx, sql| {
        Box::pin(async move {
            tx.execute_unprepared(sql).await?;
            Ok(())
        })
    };
    writer.write(Lane::Prompt, sql.to_owned(), run).await
}

async fn numbers(writer: &Writer) -> Vec<i64> {
    let run: Run<(), Vec<i64>> = |tx, ()| {
        Box::pin(async move {
            let select = Statement::from_string(tx.get_database_backend(), "SELECT n FROM t ORDER BY n");
            let rows = tx.query_all_raw(select).await?;
            Ok(rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?)
        })
    };
    writer.write(Lane::Prompt, (), run).await.expect("the numbers are read")
}

#[tokio::test]
async fn a_failing_job_takes_back_only_its_own_work() {
    let (writer, _folder) = writer().await;
    let jobs =
        ["INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2); INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (3)"];
    let outcomes = join_all(jobs.map(|sql| execute(&writer, sql))).await;
    assert_eq!(outcomes[0], Ok(()));
    assert_eq!(outcomes[1], Err(StorageError::Conflict));
    assert_eq!(outcomes[2], Ok(()));
    assert_eq!(numbers(&writer).await, [1, 3]);
}

#[tokio::test]
async fn a_panic_is_one_job_s_failure() {
    let (writer, _folder) = writer().await;
    let run: Run<(), ()> = |tx, ()| {
        Box::pin(async move {
            tx.execute_unprepared("INSERT INTO t VALUES (1)").await?;
            panic!("a bug in a transaction")
        })
    };
    let (panicked, written) =
        tokio::join!(writer.write(Lane::Prompt, (), run), execute(&writer, "INSERT INTO t VALUES (2)"));
    assert!(matches!(panicked, Err(StorageError::Backend(_))));
    assert_eq!(written, Ok(()));
    assert_eq!(numbers(&writer).await, [2]);
}

#[tokio::test]
async fn a_lost_transaction_fails_its_group_and_the_next_one_works() {
    let (writer, _folder) = writer().await;
    // What SQLite does by itself when the disk is full: the whole transaction is rolled back under the job's feet.
    let jobs = ["INSERT INTO t VALUES (1)", "ROLLBACK", "INSERT INTO t VALUES (2)"];
    let outcomes = join_all(jobs.map(|sql| execute(&writer, sql))).await;
    let [before, lost, after] = outcomes.as_slice() else { unreachable!() };
    assert!(lost.is_err(), "{outcomes:?}");
    assert_eq!(*after, Ok(()), "not begun when the transaction was lost, so it is in the next one");
    assert_eq!(execute(&writer, "INSERT INTO t VALUES (3)").await, Ok(()));
    // On a slow machine the first was a group of its own. What was answered is what is there.
    let kept: &[i64] = if before.is_ok() { &[1, 2, 3] } else { &[2, 3] };
    assert_eq!(numbers(&writer).await, kept);
}

#[tokio::test]
async fn what_is_queued_is_written_before_the_end() {
    let (writer, _folder) = writer().await;
    let inserts = (0..50).map(|number| {
        let sql = format!("INSERT INTO t VALUES ({number})");
        let writer = &writer;
        async move { execute(writer, &sql).await }
    });
    let (outcomes, ()) = tokio::join!(join_all(inserts), writer.close());
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert!(matches!(execute(&writer, "SELECT 1").await, Err(StorageError::Unavailable(_))));
}

#[tokio::test]
async fn a_crowd_in_the_second_lane_does_not_hold_up_the_first() {
    let (writer, _folder) = writer().await;
    let insert: Run<i64, i64> = |tx, n| {
        Box::pin(async move {
            tx.execute_unprepared(&format!("INSERT INTO t VALUES ({n})")).await?;
            Ok(*n)
        })
    };
    const CROWD: i64 = 2_000;
    let order = Mutex::new(Vec::new());
    let note = |n: i64| order.lock().expect("not poisoned").push(n);
    let crowd =
        join_all((1..=CROWD).map(async |n| note(writer.write(Lane::Patient, n, insert).await.expect("written"))));
    let resident = async {
        // Queued once the crowd is: its futures are polled first.
        tokio::task::yield_now().await;
        note(writer.write(Lane::Prompt, 0, insert).await.expect("written"));
    };
    tokio::join!(crowd, resident);
    let order = order.into_inner().expect("not poisoned");
    let place = order.iter().position(|n| *n == 0).expect("it was written");
    assert!(place < order.len() / 2, "the resident came {place}th of {}", order.len());
    assert_eq!(numbers(&writer).await.len(), CROWD as usize + 1);
}

#[tokio::test]
async fn openings_come_through_however_much_the_first_lane_has_to_do() {
    let (writer, _folder) = writer().await;
    let insert: Run<i64, ()> = |tx, n| {
        Box::pin(async move {
            tx.execute_unprepared(&format!("INSERT INTO t VALUES ({n})")).await?;
            Ok(())
        })
    };
    let opened = std::sync::atomic::AtomicBool::new(false);
    let busy = async {
        // Thirty that write without a pause: the first lane is never empty.
        let one = async |first: i64| {
            let mut n = first;
            while !opened.load(std::sync::atomic::Ordering::Relaxed) {
                writer.write(Lane::Prompt, n, insert).await.expect("written");
                n += 30;
            }
        };
        join_all((1..=30).map(one)).await
    };
    let opening = async {
        tokio::task::yield_now().await;
        writer.write(Lane::Patient, 0, insert).await.expect("written");
        opened.store(true, std::sync::atomic::Ordering::Relaxed);
    };
    let both = async { tokio::join!(busy, opening) };
    tokio::time::timeout(Duration::from_secs(20), both).await.expect("the opening had its turn");
}
