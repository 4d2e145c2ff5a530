//! A migrated database for each test.
//!
//! The server is the one of `ADJUTANT_TEST_DATABASE_URL` (`make test` and `scripts/with-postgres` start one). Otherwise
//! it is a private cluster that lives as long as a test uses it, so that plain `cargo test` also works. The migrations
//! run once, in a template. A test's database is a copy of the template and is dropped with its [`TestDatabase`].

use std::str::FromStr;
use std::sync::{Arc, Weak};

use adjutant::store::Store;
use adjutant::store::cluster::{Cluster, Durability};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, PgPool};
use tokio::sync::Mutex;
use uuid::Uuid;

/// The variable with the server's URL. The tests need a superuser there.
const VARIABLE: &str = "ADJUTANT_TEST_DATABASE_URL";
/// The key of the lock under which one process creates the template.
const TEMPLATE_LOCK: i64 = 0x0061_646a_7574_616e;

static OWN: Mutex<Weak<OwnServer>> = Mutex::const_new(Weak::new());
static TEMPLATE: Mutex<Option<(String, String)>> = Mutex::const_new(None);

/// A server for a plain `cargo test`. The last test that uses it stops it: the fields are dropped in this order.
#[derive(Debug)]
struct OwnServer {
    cluster: Cluster,
    _folder: tempfile::TempDir,
}

/// A migrated database for one test.
#[derive(Debug)]
pub(crate) struct TestDatabase {
    name: String,
    options: PgConnectOptions,
    admin: PgConnectOptions,
    _server: Option<Arc<OwnServer>>,
}

impl TestDatabase {
    pub(crate) async fn new() -> Self {
        let (admin, server) = server().await;
        let template = template(&admin).await;
        let name = format!("test_{}", Uuid::new_v4().simple());
        execute(&admin, format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        Self { options: admin.clone().database(&name), name, admin, _server: server }
    }

    pub(crate) fn options(&self) -> PgConnectOptions {
        self.options.clone()
    }

    /// The URL for `DATABASE_URL`.
    pub(crate) fn url(&self) -> String {
        self.options.to_url_lossy().to_string()
    }

    pub(crate) async fn store(&self) -> Store {
        Store::connect(self.options()).await.unwrap()
    }

    /// A pool for direct queries of the tables.
    pub(crate) async fn pool(&self) -> PgPool {
        PgPool::connect_with(self.options()).await.unwrap()
    }

    /// Refuses new connections and closes the present ones, like a stopped server, until [`Self::come_back`].
    pub(crate) async fn go_away(&self) {
        let name = &self.name;
        execute(&self.admin, format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await;
        execute(
            &self.admin,
            format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"),
        )
        .await;
    }

    /// Accepts connections again.
    pub(crate) async fn come_back(&self) {
        let name = &self.name;
        execute(&self.admin, format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).await;
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (admin, name) = (self.admin.clone(), self.name.clone());
        // In a separate thread, because the test's runtime may be shutting down.
        let dropped = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap()
                .block_on(execute(&admin, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")));
        });
        // A database that is left behind is removed with the server.
        let _ = dropped.join();
    }
}

async fn server() -> (PgConnectOptions, Option<Arc<OwnServer>>) {
    if let Ok(url) = std::env::var(VARIABLE) {
        return (PgConnectOptions::from_str(&url).unwrap(), None);
    }
    let mut own = OWN.lock().await;
    let server = if let Some(server) = own.upgrade() {
        server
    } else {
        let folder = super::open_folder();
        let cluster = Cluster::start_with(folder.path(), Durability::Throwaway).await.unwrap();
        Arc::new(OwnServer { cluster, _folder: folder })
    };
    *own = Arc::downgrade(&server);
    (server.cluster.options(), Some(server))
}

/// The name of the migrated template on this server. The first caller creates it.
async fn template(admin: &PgConnectOptions) -> String {
    let server = admin.to_url_lossy().to_string();
    let mut known = TEMPLATE.lock().await;
    if let Some((name, at)) = &*known
        && *at == server
    {
        return name.clone();
    }
    let name = format!("template_{}", fingerprint());
    let mut connection = PgConnection::connect_with(admin).await.unwrap();
    sqlx::query("SELECT pg_advisory_lock($1)").bind(TEMPLATE_LOCK).execute(&mut connection).await.unwrap();
    let there: Option<i32> = sqlx::query_scalar("SELECT 1 FROM pg_database WHERE datname = $1")
        .bind(&name)
        .fetch_optional(&mut connection)
        .await
        .unwrap();
    if there.is_none() {
        // It has another name until it is complete, so that an interrupted run leaves no incomplete template.
        let unfinished = format!("unfinished_{}", Uuid::new_v4().simple());
        execute(admin, format!("CREATE DATABASE {unfinished}")).await;
        let store = Store::connect(admin.clone().database(&unfinished)).await.unwrap();
        store.migrate().await.unwrap();
        store.close().await;
        execute(admin, format!("ALTER DATABASE {unfinished} RENAME TO {name}")).await;
    }
    connection.close().await.unwrap();
    *known = Some((name.clone(), server));
    name
}

/// Distinguishes sets of migrations on a server that outlives a run.
fn fingerprint() -> String {
    let migrations = sqlx::migrate!();
    let text: Vec<u8> = migrations.iter().flat_map(|migration| migration.checksum.iter().copied()).collect();
    Uuid::new_v5(&Uuid::NAMESPACE_OID, &text).simple().to_string()
}

/// Lets every run of an agent be due when it is queued: no test waits for the pauses between tries.
pub(crate) async fn without_pauses(pool: &PgPool) {
    for statement in [
        "CREATE FUNCTION without_pauses() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN NEW.run_after := least(NEW.run_after, now()); RETURN NEW; END $$",
        "CREATE TRIGGER without_pauses BEFORE INSERT ON effects FOR EACH ROW WHEN (NEW.lane = 'agent')
         EXECUTE FUNCTION without_pauses()",
    ] {
        sqlx::query(statement).execute(pool).await.unwrap();
    }
}

async fn execute(admin: &PgConnectOptions, statement: String) {
    let mut connection = PgConnection::connect_with(admin).await.unwrap();
    connection.execute(AssertSqlSafe(statement)).await.unwrap();
    connection.close().await.unwrap();
}
