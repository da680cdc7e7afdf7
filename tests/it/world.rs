//! The outside world of the tests: a private PostgreSQL for the run, a fresh database and organisation for each test,
//! a clock that stands still.
use adjutant::access::{Actor, Credential, Role, Surface};
use adjutant::clock::{Clock as _, ManualClock};
use adjutant::db::people::{self, Grant, NewMember, NewOrg};
use adjutant::db::private::{Cluster, ClusterOptions};
use adjutant::db::{Db, PoolSizes};
use adjutant::ids::{MemberId, OrgId};
use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, mpsc};
use tokio::sync::{Mutex, mpsc as channel};

/// Wednesday, 11:00 in Zurich.
pub const NOW: &str = "2025-09-17T09:00:00Z";
const TEMPLATE: &str = "it_template";

/// An organisation with a person of each kind.
pub struct Company {
    pub org: OrgId,
    pub marketer: Actor,
    pub approver: Actor,
    /// Another approver, who may also approve high tiers.
    pub second_approver: Actor,
    pub admin: Actor,
    pub viewer: Actor,
    pub compliance: Actor,
}

/// A database of its own, dropped at the end of the test. Derefs to its [`Company`] (Europe/Zurich, EUR).
pub struct World {
    pub db: Db,
    pub clock: Arc<ManualClock>,
    pub company: Company,
    /// The superuser's URL of this database, for tampering.
    pub url: String,
    name: String,
    server: &'static Server,
}

impl std::ops::Deref for World {
    type Target = Company;
    fn deref(&self) -> &Company {
        &self.company
    }
}

impl World {
    pub async fn new() -> Self {
        let server = server();
        let name = server.database().await;
        let url = server.url.replace("/adjutant?", &format!("/{name}?"));
        let db = Db::connect(&url, PoolSizes { app: 8, reader: 4 }).await.expect("the database opens");
        let clock = ManualClock::at(NOW.parse::<Timestamp>().unwrap());
        let company = company(&db, &clock, "Alpine Outfitters", "alpine").await;
        Self { db, clock, company, url, name, server }
    }

    /// A second organisation in the same database, with people of its own.
    pub async fn other_org(&self) -> Company {
        company(&self.db, &self.clock, "Lakeside Insurance", "lakeside").await
    }

    /// What a job of the schedule gets to run for the company.
    pub fn round(&self) -> adjutant::jobs::schedule::Round {
        let clock: adjutant::clock::SharedClock = self.clock.clone();
        adjutant::jobs::schedule::Round { db: self.db.clone(), clock, org: self.org, since: None }
    }

    /// The superuser, who is bound by nothing.
    pub async fn superuser(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.server.used.send(self.name.clone());
    }
}

async fn company(db: &Db, clock: &Arc<ManualClock>, name: &str, slug: &str) -> Company {
    let now = clock.now();
    let org = OrgId::new(&**clock);
    let mut tx = db.org(org).await.unwrap();
    let currency = "EUR".parse().unwrap();
    let new = NewOrg { name, slug, time_zone: "Europe/Zurich", currency, locale: "en" };
    people::create_org(&mut tx, org, &new, now).await.unwrap();
    let mut actors = Vec::new();
    for (name, role) in [
        ("Mara Lindt", Role::Marketer),
        ("Aron Keller", Role::Approver),
        ("Sofia Brandt", Role::Approver),
        ("Adele Moser", Role::Admin),
        ("Vito Frey", Role::Viewer),
        ("Clara Vogt", Role::Compliance),
    ] {
        let id = MemberId::new(&**clock);
        let email = format!("{}@{slug}.example", name.to_lowercase().replace(' ', "."));
        people::create_member(&mut tx, org, id, &NewMember { name, email: &email, role }, now).await.unwrap();
        if name.starts_with("Sofia") {
            let high = Grant { permission: "draft.approve_high".to_owned(), scope: serde_json::json!({}) };
            people::grant(&mut tx, org, id, &high, None, now).await.unwrap();
        }
        let actor = people::actor(&mut tx, org, id, Surface::Http, Credential::Session).await.unwrap();
        actors.push(actor.expect("an active member"));
    }
    tx.commit().await.unwrap();
    let mut actors = actors.into_iter();
    let mut next = || actors.next().unwrap();
    Company {
        org,
        marketer: next(),
        approver: next(),
        second_approver: next(),
        admin: next(),
        viewer: next(),
        compliance: next(),
    }
}

/// The server of this run: started once, on a thread with a runtime of its own (each test has its own runtime, and a
/// server must outlive it), stopped by its leash when the process ends.
struct Server {
    url: String,
    /// Names of fresh databases, copied ahead.
    fresh: Mutex<channel::Receiver<String>>,
    used: channel::UnboundedSender<String>,
}

impl Server {
    async fn database(&self) -> String {
        self.fresh.lock().await.recv().await.expect("the server's thread lives")
    }
}

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let (ready, url) = mpsc::channel();
        let (copies, fresh) = channel::channel(1);
        let (used, to_drop) = channel::unbounded_channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
            runtime.unwrap().block_on(serve(ready, copies, to_drop));
        });
        Server { url: url.recv().expect("the private cluster starts"), fresh: Mutex::new(fresh), used }
    })
}

/// How tests start a cluster in a folder: everything found as the program would find it, durability off.
pub fn cluster_options(data_dir: PathBuf) -> ClusterOptions {
    let config = adjutant::config::Config::load(None).expect("configuration");
    let mut options = ClusterOptions::from_config(&config).expect("folders");
    options.data_dir = data_dir;
    options.durable = false;
    options.leash = true;
    options.join = false;
    options.max_connections = 400;
    options
}

async fn serve(
    ready: mpsc::Sender<String>,
    copies: channel::Sender<String>,
    mut to_drop: channel::UnboundedReceiver<String>,
) {
    let (slot, _mine) = free_slot(Path::new(env!("CARGO_TARGET_TMPDIR")));
    let cluster = Cluster::start(cluster_options(slot)).await.expect("the private cluster starts");
    let mut admin = PgConnection::connect(&cluster.url()).await.unwrap();
    // A run that was killed leaves its databases behind.
    let left: Vec<String> = sqlx::query_scalar("select datname from pg_database where datname like 'it\\_%'")
        .fetch_all(&mut admin)
        .await
        .unwrap();
    for name in left {
        drop_database(&mut admin, &name).await;
    }
    admin.execute(AssertSqlSafe(format!("create database {TEMPLATE}"))).await.unwrap();
    // Fewer months than the program makes, because every test copies them; other days live in the default partition.
    let (first, last) = (jiff::civil::date(2025, 7, 1), jiff::civil::date(2025, 10, 1));
    Db::migrate_with_partitions(&cluster.url_of(TEMPLATE), first, last).await.expect("the migrations run");
    let url = cluster.url();
    ready.send(url.clone()).unwrap();
    tokio::spawn(async move {
        let mut admin = PgConnection::connect(&url).await.unwrap();
        while let Some(name) = to_drop.recv().await {
            drop_database(&mut admin, &name).await;
        }
    });
    for n in 0.. {
        let name = format!("it_{n}");
        let copy = format!("create database {name} template {TEMPLATE} strategy file_copy");
        admin.execute(AssertSqlSafe(copy)).await.unwrap();
        Db::prepare(&cluster.url_of(&name)).await.expect("grants on the copy");
        if copies.send(name).await.is_err() {
            return;
        }
    }
}

async fn drop_database(admin: &mut PgConnection, name: &str) {
    let statement = format!("drop database if exists {name} with (force)");
    let _ = admin.execute(AssertSqlSafe(statement)).await;
}

/// A folder that no other test process uses now; kept for later runs, so that a cluster is initialised once.
fn free_slot(below: &Path) -> (PathBuf, File) {
    for n in 0..256 {
        let slot = below.join(format!("postgres-{n}"));
        std::fs::create_dir_all(&slot).unwrap();
        let lock = File::create(slot.join("slot.lock")).unwrap();
        if lock.try_lock().is_ok() {
            return (slot, lock);
        }
    }
    panic!("256 test processes at once");
}
