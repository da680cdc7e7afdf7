//! The answers that this process shows, and those whose process went away.
use super::Slack;
use super::session::{self, Session};
use super::{show, whisper};
use crate::access::{Credential, Surface};
use crate::db::people;
use crate::db::slack_answers::{self as answers, Answer, AnswerState, Lease, Way};
use crate::ids::{OrgId, TurnId};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How long an answer belongs to a process that is not heard of again, and how often it is heard of.
const LEASE: SignedDuration = SignedDuration::from_secs(15);
pub const RENEW: SignedDuration = SignedDuration::from_secs(5);
/// Between two looks for answers whose process went away.
const LOOK: Duration = Duration::from_secs(2);
/// Answers of one organisation taken over in one look.
const BATCH: i64 = 50;

/// What is shown here, and the way to have something shown.
pub struct State {
    owner: String,
    wanted: mpsc::UnboundedSender<(OrgId, Answer)>,
    /// Taken by [`run`].
    queue: Mutex<Option<mpsc::UnboundedReceiver<(OrgId, Answer)>>>,
    here: Mutex<HashSet<TurnId>>,
}

impl State {
    pub fn new(owner: String) -> Self {
        let (wanted, queue) = mpsc::unbounded_channel();
        Self { owner, wanted, queue: Mutex::new(Some(queue)), here: Mutex::default() }
    }

    pub fn owner(&self) -> &str {
        &self.owner
    }

    pub fn lease(&self, now: Timestamp) -> Timestamp {
        now.checked_add(LEASE).unwrap_or(now)
    }

    /// Has an answer shown whose lease is ours.
    pub fn show(&self, org: OrgId, answer: Answer) {
        // Nobody listens when the room is closing: the lease runs out, and another process goes on.
        let _ = self.wanted.send((org, answer));
    }

    fn enter(&self, turn: TurnId) -> bool {
        self.here.lock().unwrap_or_else(PoisonError::into_inner).insert(turn)
    }

    fn leave(&self, turn: TurnId) {
        self.here.lock().unwrap_or_else(PoisonError::into_inner).remove(&turn);
    }

    fn shows(&self, turn: TurnId) -> bool {
        self.here.lock().unwrap_or_else(PoisonError::into_inner).contains(&turn)
    }
}

/// Shows answers until `stop`; then lets go of them, so that the next process goes on at once.
pub async fn run(slack: &Slack, stop: CancellationToken) {
    let state = &slack.inner.asking;
    let queue = state.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(mut queue) = queue else { return };
    let mut tasks = JoinSet::new();
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some((org, answer)) = queue.recv() => {
                tasks.spawn(one(slack.clone(), org, answer, stop.clone()));
            }
            Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
            _ = looks.tick() => {
                for (org, answer) in abandoned(slack).await {
                    tracing::info!(turn = %answer.turn_id, "an answer is taken over");
                    tasks.spawn(one(slack.clone(), org, answer, stop.clone()));
                }
            }
        }
    }
    while tasks.join_next().await.is_some() {}
    for org in slack.inner.homes.organisations() {
        if let Err(error) = let_go(slack, org).await {
            tracing::warn!(%error, "answers could not be handed over; they go on when their lease runs out");
        }
    }
}

async fn let_go(slack: &Slack, org: OrgId) -> Result<(), crate::db::Error> {
    let mut tx = slack.inner.app.db.org(org).await?;
    answers::let_go(&mut tx, org, slack.inner.asking.owner()).await?;
    tx.commit().await
}

async fn abandoned(slack: &Slack) -> Vec<(OrgId, Answer)> {
    let mut found = Vec::new();
    for org in slack.inner.homes.organisations() {
        match take(slack, org).await {
            Ok(answers) => found.extend(answers.into_iter().map(|answer| (org, answer))),
            Err(error) => {
                tracing::warn!(%error, "answers cannot be looked after; the database does not answer")
            }
        }
    }
    found
}

async fn take(slack: &Slack, org: OrgId) -> Result<Vec<Answer>, crate::db::Error> {
    let state = &slack.inner.asking;
    let now = slack.inner.app.clock.now();
    let mut tx = slack.inner.app.db.org(org).await?;
    let mut taken = Vec::new();
    for turn in answers::abandoned(&mut tx, org, now, BATCH).await? {
        // A clock that jumped makes no orphan of what is shown here.
        if state.shows(turn) {
            continue;
        }
        let lease = Lease { owner: state.owner(), until: state.lease(now) };
        taken.extend(answers::take(&mut tx, org, turn, lease, now).await?);
    }
    tx.commit().await?;
    Ok(taken)
}

/// Shows one answer. What goes wrong here is taken up again when the lease has run out.
async fn one(slack: Slack, org: OrgId, answer: Answer, stop: CancellationToken) {
    let turn = answer.turn_id;
    if !slack.inner.asking.enter(turn) {
        return;
    }
    if let Err(error) = attempt(&slack, org, answer, stop).await {
        tracing::warn!(%turn, error = format!("{error:#}"), "an answer is interrupted");
    }
    slack.inner.asking.leave(turn);
}

async fn attempt(slack: &Slack, org: OrgId, answer: Answer, stop: CancellationToken) -> anyhow::Result<()> {
    let mut tx = slack.inner.app.db.org(org).await?;
    let actor = people::actor(&mut tx, org, answer.member, Surface::Slack, Credential::Session).await?;
    if actor.is_none() {
        // The asker is no member any more, and may see nothing.
        let now = slack.inner.app.clock.now();
        let owner = slack.inner.asking.owner();
        answers::end(&mut tx, org, answer.turn_id, owner, AnswerState::Unsaid, now).await?;
    }
    tx.commit().await?;
    let Some(actor) = actor else {
        if answer.way == Way::Thread {
            session::set(slack, &answer.channel, &answer.thread_ts, Session::Active).await;
        }
        return Ok(());
    };
    match answer.way {
        Way::Thread => show::show(slack, actor, answer, stop).await,
        Way::Private => whisper::show(slack, actor, answer, stop).await,
    }
}
