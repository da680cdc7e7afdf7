//! Socket Mode: a WebSocket that we open, so that no public address is needed.
//!
//! An envelope is acknowledged once it is stored; one that is not acknowledged comes again. Envelopes are taken side by
//! side, so that a slow one holds up no other. Slack closes each socket after some hours and says so a little before:
//! then the next one is opened before the old one is let go.
use super::{Answer, Patience};
use crate::slack::{Slack, probe};
use anyhow::{Context as _, bail};
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use rand::RngExt as _;
use secrecy::SecretString;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
use tokio_tungstenite::tungstenite::{Message, protocol::WebSocketConfig};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};
use tokio_util::sync::CancellationToken;

/// Envelopes taken at once.
const AT_ONCE: usize = 64;
/// Bytes of an envelope.
const LONGEST: usize = 1024 * 1024;
/// Until the connection stands and has greeted.
const GREETING: Duration = Duration::from_secs(10);
/// Slack sends pings; after so long a silence nobody is there any more.
const SILENCE: Duration = Duration::from_secs(45);
/// We ask as well, so that a quiet socket is not a dead one.
const PING: Duration = Duration::from_secs(15);
/// Pauses before the next try, doubled each time.
const SHORTEST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Before the next try when Socket Mode was switched off.
const SWITCHED_OFF: Duration = Duration::from_secs(60);
/// A socket that lived shorter was no success: the next try waits as after a failure.
const SHORT_LIFE: Duration = Duration::from_secs(2);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Why a socket ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// `stop`, or a newer socket took over.
    Told,
    /// Slack will close it soon, or has closed it: open another.
    Refresh,
    /// Socket Mode was switched off in the app's settings.
    SwitchedOff,
    /// It broke.
    Lost,
}

/// Keeps a socket open until `stop`, where there is an app token.
pub async fn run(slack: &Slack, stop: CancellationToken) {
    let Some(token) = slack.inner.settings.app_token.clone() else { return };
    let mut failures = 0u32;
    // The socket before this one: it goes on until the new one has greeted.
    let mut before: Option<CancellationToken> = None;
    while !stop.is_cancelled() {
        let opened = tokio::select! {
            () = stop.cancelled() => break,
            opened = open(slack, &token) => opened,
        };
        let wait = match opened {
            Ok(socket) => {
                if let Some(old) = before.take() {
                    old.cancel();
                }
                let clock = &slack.inner.app.clock;
                let (mine, begun) = (stop.child_token(), clock.monotonic());
                let end = serve(slack, socket, mine.clone()).await;
                let brief = clock.monotonic().duration_since(begun) < SHORT_LIFE;
                failures = if brief { failures.saturating_add(1) } else { 0 };
                match end {
                    End::Told => break,
                    End::SwitchedOff => {
                        tracing::error!("Slack: Socket Mode is switched off in the app's settings");
                        SWITCHED_OFF
                    }
                    // The rest of the old socket is read beside the new one.
                    End::Refresh => {
                        before = Some(mine);
                        if brief { pause(failures) } else { Duration::ZERO }
                    }
                    End::Lost => pause(failures),
                }
            }
            Err(error) => {
                failures = failures.saturating_add(1);
                tracing::warn!(error = format!("{error:#}"), failures, "Slack: the socket cannot be opened");
                pause(failures)
            }
        };
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Doubles with each failure, spread so that replicas do not knock together.
fn pause(failures: u32) -> Duration {
    let longest = SHORTEST_PAUSE.saturating_mul(1 << failures.min(10)).min(LONGEST_PAUSE);
    longest.mul_f64(rand::rng().random_range(0.5..=1.0))
}

/// Asks for an address, connects, and waits for the greeting.
async fn open(slack: &Slack, token: &SecretString) -> anyhow::Result<Socket> {
    let url = probe::socket(&slack.inner.http, &slack.inner.settings, token).await?;
    let config = WebSocketConfig::default().max_message_size(Some(LONGEST)).max_frame_size(Some(LONGEST));
    let greeted = tokio::time::timeout(GREETING, async {
        // Nagle's algorithm off: acknowledgements are small and must not wait.
        let (mut socket, _) = connect_async_with_config(url.as_str(), Some(config), true).await?;
        while let Some(frame) = socket.next().await {
            if let Message::Text(text) = frame?
                && let Ok(hello) = serde_json::from_str::<Value>(&text)
                && hello["type"] == "hello"
            {
                return Ok(socket);
            }
        }
        bail!("the socket closed without a greeting")
    });
    // The address is a secret while it is good: an error must not quote it.
    let socket = greeted.await.context("no greeting in time")??;
    tracing::info!("Slack: the socket is open");
    metrics::counter!("adjutant_slack_sockets_total").increment(1);
    Ok(socket)
}

/// Reads until the socket ends. When Slack asks for another one, the reading goes on in the background until `stop`.
async fn serve(slack: &Slack, socket: Socket, stop: CancellationToken) -> End {
    let (write, mut read) = socket.split();
    let (answers, outgoing) = mpsc::channel::<Message>(AT_ONCE * 2);
    tokio::spawn(answer(write, outgoing, stop.clone()));
    let slack = slack.clone();
    let (said, mut hear) = mpsc::channel(2);
    let reading = async move {
        let end = reading(&slack, &mut read, &answers, &said, &stop).await;
        let _ = said.send(end).await;
    };
    tokio::spawn(reading);
    // The first word counts: a refresh is followed by the end of the old socket, which nobody waits for.
    hear.recv().await.unwrap_or(End::Lost)
}

/// Writes answers and pings until nobody has any more to write.
async fn answer(
    mut write: SplitSink<Socket, Message>,
    mut outgoing: mpsc::Receiver<Message>,
    stop: CancellationToken,
) {
    let mut pings = tokio::time::interval(PING);
    pings.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    pings.tick().await;
    loop {
        let message = tokio::select! {
            message = outgoing.recv() => match message {
                Some(message) => message,
                None => break,
            },
            _ = pings.tick() => Message::Ping("adjutant".into()),
        };
        if write.send(message).await.is_err() {
            break;
        }
    }
    if stop.is_cancelled() {
        let _ = write.close().await;
    }
}

async fn reading(
    slack: &Slack,
    read: &mut SplitStream<Socket>,
    answers: &mpsc::Sender<Message>,
    said: &mpsc::Sender<End>,
    stop: &CancellationToken,
) -> End {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let frame = tokio::select! {
            () = stop.cancelled() => {
                // What was taken is still answered: the writer lives as long as a sender does.
                return End::Told;
            }
            frame = tokio::time::timeout(SILENCE, read.next()) => frame,
        };
        let text = match frame {
            Ok(Some(Ok(Message::Text(text)))) => text,
            // tungstenite answers pings by itself.
            Ok(Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_)))) => {
                continue;
            }
            Ok(Some(Ok(Message::Close(_))) | None) => return End::Lost,
            Ok(Some(Err(error))) => {
                tracing::warn!(%error, "Slack: the socket broke");
                return End::Lost;
            }
            Err(_) => {
                tracing::warn!("Slack: the socket fell silent");
                return End::Lost;
            }
        };
        let Ok(mut frame) = serde_json::from_str::<Value>(&text) else {
            tracing::warn!(bytes = text.len(), "Slack: a frame that is not JSON was passed over");
            continue;
        };
        if frame["type"] == "disconnect" {
            let reason = frame["reason"].as_str().unwrap_or_default();
            tracing::info!(reason, "Slack: another socket is wanted");
            match reason {
                "warning" | "refresh_requested" => {
                    // Reads on: until it is closed, envelopes still come here.
                    let _ = said.try_send(End::Refresh);
                    continue;
                }
                "link_disabled" => return End::SwitchedOff,
                _ => return End::Lost,
            }
        }
        let Some(id) = frame["envelope_id"].as_str().filter(|id| !id.is_empty()).map(str::to_owned) else {
            continue;
        };
        // More than so many at once wait in the socket itself.
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return End::Lost };
        let (slack, answers) = (slack.clone(), answers.clone());
        let may_answer = frame["accepts_response_payload"] == Value::Bool(true);
        let payload = frame["payload"].take();
        tokio::spawn(async move {
            let answer = take(&slack, payload).await;
            if let Some(answer) = acknowledgement(&id, may_answer, answer) {
                let _ = answers.send(Message::text(answer.to_string())).await;
            }
            drop(permit);
        });
    }
}

async fn take(slack: &Slack, payload: Value) -> Answer {
    let clock = &slack.inner.app.clock;
    let begun = clock.monotonic();
    let answer = slack.accept(payload, Patience::for_socket()).await;
    let status = if answer == Answer::Later { "503" } else { "200" };
    metrics::histogram!("adjutant_slack_ack_seconds", "over" => "socket", "status" => status)
        .record(clock.monotonic().duration_since(begun).as_secs_f64());
    answer
}

/// `None`: it is not acknowledged, and comes again.
fn acknowledgement(id: &str, may_answer: bool, answer: Answer) -> Option<Value> {
    match answer {
        Answer::Later => None,
        Answer::Say(view) if may_answer => Some(json!({"envelope_id": id, "payload": view})),
        Answer::Say(_) | Answer::Done | Answer::Challenge(_) => Some(json!({"envelope_id": id})),
    }
}
