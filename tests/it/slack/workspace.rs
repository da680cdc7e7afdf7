//! A workspace for tests: the world, the server with its Slack room, and the fake Slack, in one process.
//!
//! ```ignore
//! let w = Workspace::new(Transport::Http).await;
//! w.fake.mention("mara", "marketing", "find_waste 30").unwrap();
//! let answer = w.until("the answer", |ws| ws.in_channel("marketing").into_iter().find(|m| m.by_app()).cloned()).await;
//! ```
use crate::drafts::account;
use crate::served::{Served, planner};
use crate::world::World;
use adjutant::access::Actor;
use adjutant::clock::SharedClock;
use adjutant::fake_slack::{self, BOT_USER, Channel, FakeSlack, Options, Person, Transport};
use adjutant::llm::ChatModel;
use adjutant::slack::{Settings, Slack, manifest};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Everybody with an account in the world, by handle: mara (marketer), aron and sofia (approvers, sofia also of high
/// tiers), adele (admin), vito (viewer), clara (compliance). Beside them: nils (full member without an account), gil
/// (guest), stella (another organisation), robot (another app).
pub const STAFF: [(&str, &str); 6] = [
    ("U0MARA", "Mara Lindt"),
    ("U0ARON", "Aron Keller"),
    ("U0SOFIA", "Sofia Brandt"),
    ("U0ADELE", "Adele Moser"),
    ("U0VITO", "Vito Frey"),
    ("U0CLARA", "Clara Vogt"),
];

pub struct Workspace {
    pub world: World,
    pub fake: FakeSlack,
    /// The server that runs now; another one after [`Workspace::restart`].
    pub served: Served,
    pub slack: Slack,
    /// Who is let in although a guest or an app, from the next start on.
    pub allow: Vec<String>,
    model: Arc<dyn ChatModel>,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

/// The fake's people and channels for the company of the world.
fn options(world: &World, transport: Transport) -> Options {
    let staff: Vec<&str> = STAFF.iter().map(|(id, _)| *id).collect();
    let everybody = [&staff[..], &["U0NILS", "U0GIL", BOT_USER]].concat();
    let mut people: Vec<Person> = STAFF
        .iter()
        .map(|(id, name)| {
            Person::member(id, name, &format!("{}@alpine.example", name.to_lowercase().replace(' ', ".")))
        })
        .collect();
    people.extend([
        Person::member("U0NILS", "Nils Newman", "nils@alpine.example"),
        Person::guest("U0GIL", "Gil Visitor", "gil@elsewhere.example"),
        Person::stranger("U0STELLA", "Stella Other", "T0OTHER"),
        Person::bot("U0ROBOT", "Robot"),
    ]);
    let partners = Channel::public("C0PARTNERS", "partners", &[&everybody[..], &["U0STELLA"]].concat());
    Options {
        transport,
        people,
        channels: vec![
            Channel::public("C0GENERAL", "general", &everybody),
            Channel::public("C0MARKETING", "marketing", &everybody),
            Channel::private("C0LEADS", "growth-leads", &[&staff[..], &[BOT_USER]].concat()),
            Channel::public("C0QUIET", "quiet", &staff),
            partners.shared(),
        ],
        ..Options::new(world.clock.clone())
    }
    .installed(&manifest::whole().unwrap())
}

impl Workspace {
    /// The small ad account of the draft tests, the offline planner.
    pub async fn new(transport: Transport) -> Self {
        Self::with(transport, None, |_| {}).await
    }

    /// With another model, or a changed workspace.
    pub async fn with(
        transport: Transport,
        model: Option<Arc<dyn ChatModel>>,
        change: impl FnOnce(&mut Options),
    ) -> Self {
        let world = account::account().await;
        let mut options = options(&world, transport);
        change(&mut options);
        let fake = FakeSlack::start(options).await.unwrap();
        let model = model.unwrap_or_else(|| {
            let clock: SharedClock = world.clock.clone();
            Arc::new(planner(world.db.clone(), clock))
        });
        let stop = CancellationToken::new();
        let (served, slack) = start(&world, &fake, &model, &[]).await;
        let running = run(&slack, &stop);
        fake.connected().await;
        Self { world, fake, served, slack, allow: Vec::new(), model, stop, running }
    }

    /// Stops the app as a signal would, and starts another one on the same database.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.start_again().await;
    }

    /// Stops the app as a signal would.
    pub async fn stop(&mut self) {
        self.stop.cancel();
        (&mut self.running).await.unwrap();
    }

    /// Ends the app's tasks wherever they are, as `kill -9` would, and starts another one on the same database.
    pub async fn kill_and_start(&mut self) {
        self.kill().await;
        self.start_again().await;
    }

    /// Ends the app's tasks wherever they are. Over HTTP nothing answers any more; [`Self::start_again`] brings it back.
    pub async fn kill(&mut self) {
        self.running.abort();
        let _ = (&mut self.running).await;
        self.fake.deliver_to("http://127.0.0.1:9");
    }

    pub async fn start_again(&mut self) {
        self.stop = CancellationToken::new();
        (self.served, self.slack) = start(&self.world, &self.fake, &self.model, &self.allow).await;
        self.running = run(&self.slack, &self.stop);
        self.fake.connected().await;
    }

    /// Lets time pass.
    pub fn pass(&self, by: Duration) {
        self.world.clock.advance(by);
    }

    /// Waits until the workspace answers, and lets time pass (a quarter of a second at a time) while nothing happens: for
    /// whatever waits for its pace, a pause or a retry (the last one of an event comes after six minutes). Where the story
    /// must stand still, use `fake.wait_for`.
    pub async fn until<T>(&self, what: &str, condition: impl Fn(&fake_slack::Workspace) -> Option<T>) -> T {
        let mut seen = 0;
        for _ in 0..1500 {
            if let Some(found) = self.fake.wait_briefly(Duration::from_millis(100), &condition).await {
                return found;
            }
            let now = self.fake.read(|ws| ws.ledger.len() + ws.sent.len());
            if now == seen {
                self.pass(Duration::from_millis(250));
            }
            seen = now;
        }
        panic!("waited in vain for {what}\n{}", self.fake.story());
    }

    /// The first message of the app in a channel (id or name) or thread that says this.
    pub async fn said(&self, channel: &str, words: &str) -> fake_slack::Message {
        self.until(&format!("'{words}' in {channel}"), |ws| {
            let mut messages = ws.in_channel(channel).into_iter();
            messages.find(|m| m.by_app() && m.all_text().contains(words)).cloned()
        })
        .await
    }

    /// The id of a person's own conversation with the app.
    pub fn dm(&self, user: &str) -> String {
        let mut id = String::new();
        self.fake.arrange(|ws| {
            let user = ws.person(user).unwrap().id.clone();
            id = ws.dm(&user);
        });
        id
    }

    /// The account behind a handle.
    pub fn actor(&self, handle: &str) -> &Actor {
        let company = &self.world.company;
        match handle {
            "mara" => &company.marketer,
            "aron" => &company.approver,
            "sofia" => &company.second_approver,
            "adele" => &company.admin,
            "vito" => &company.viewer,
            "clara" => &company.compliance,
            other => panic!("nobody is called {other}"),
        }
    }
}

/// A server over the world with its Slack room, told where the fake is.
async fn start(
    world: &World,
    fake: &FakeSlack,
    model: &Arc<dyn ChatModel>,
    allow: &[String],
) -> (Served, Slack) {
    let options = fake.options();
    let settings = Settings {
        bot_token: options.bot_token.clone().into(),
        app_token: (options.transport == Transport::Socket).then(|| options.app_token.clone().into()),
        signing_secret: (options.transport == Transport::Http).then(|| options.signing_secret.clone().into()),
        api_url: fake.api_url(),
        organisation: Some("alpine".to_owned()),
        allow: allow.to_vec(),
        public_url: "http://adjutant.example".to_owned(),
        at_once: 16,
    };
    let mut slack = None;
    let served = Served::with_routes(world, Arc::clone(model), |app, chat| {
        let made = Slack::new(app.clone(), chat.clone(), settings).unwrap();
        let routes = made.routes();
        slack = Some(made);
        routes
    })
    .await;
    let slack = slack.unwrap();
    // Where Slack takes the token, deliveries can come at once; else the room tries until it works.
    let _ = slack.install().await;
    fake.deliver_to(&served.url);
    (served, slack)
}

fn run(slack: &Slack, stop: &CancellationToken) -> JoinHandle<()> {
    let (slack, stop) = (slack.clone(), stop.clone());
    tokio::spawn(async move { slack.run(stop).await })
}
