//! Bad days, on order.
use super::trouble::{Fault, Mishap};
use super::{FakeSlack, Transport, locked};
use axum::extract::ws::Message;
use serde_json::json;

impl FakeSlack {
    /// The next `times` calls of a method (`*`: of any; also `upload`, `response_url`) meet this fault.
    pub fn fail(&self, method: &str, fault: Fault, times: usize) {
        self.shared.change(|ws, _| ws.trouble.next(method, fault, times));
    }

    /// Every call of a method meets this fault until [`Self::heal`].
    pub fn fail_always(&self, method: &str, fault: Fault) {
        self.shared.change(|ws, _| ws.trouble.lasting(method, fault));
    }

    /// No more faults.
    pub fn heal(&self) {
        self.shared.change(|ws, _| ws.trouble.heal());
    }

    /// The first try of the next delivery never arrives; events are tried again.
    pub fn drop_next(&self) {
        self.shared.change(|ws, _| ws.trouble.mishaps.push_back(Mishap::Drop));
    }

    /// The next delivery arrives so many times more, all at once.
    pub fn duplicate_next(&self, times: u32) {
        self.shared.change(|ws, _| ws.trouble.mishaps.push_back(Mishap::Duplicate(times)));
    }

    /// Keeps all deliveries back until they are released.
    pub fn hold(&self) {
        self.shared.change(|ws, _| ws.trouble.holding = true);
    }

    /// How many deliveries are kept back.
    pub fn held(&self) -> usize {
        locked(&self.shared.held).len()
    }

    /// Lets the held deliveries go, in the order they came or backwards.
    pub fn release(&self, backwards: bool) {
        self.shared.change(|ws, _| ws.trouble.holding = false);
        let mut held = std::mem::take(&mut *locked(&self.shared.held));
        if backwards {
            held.reverse();
        }
        for letter in held {
            let _ = self.shared.mail.send(letter);
        }
    }

    /// Closes every socket, with the announcement that Slack makes (`refresh_requested`, `warning`) or without.
    pub fn close_sockets(&self, announced: Option<&str>) {
        let sockets = self.shared.sockets();
        if let Some(reason) = announced {
            let said = json!({"type": "disconnect", "reason": reason, "debug_info": {"host": "fake"}});
            sockets.tell_all(&Message::text(said.to_string()));
        }
        sockets.tell_all(&Message::Close(None));
    }

    /// Waits until the app has a socket open; returns at once over HTTP.
    pub async fn connected(&self) {
        if self.shared.options.transport == Transport::Socket {
            self.wait_for("a socket", |ws| (ws.sockets > 0).then_some(())).await;
        }
    }

    /// The bot token is refused from now on (`token_revoked`), and the app is told so by an event.
    pub fn revoke_tokens(&self) {
        self.shared.change(|ws, _| ws.revoked = true);
        self.shared.event(json!({
            "type": "tokens_revoked", "tokens": {"oauth": [], "bot": [super::BOT_USER]},
            "event_ts": self.shared.now().as_second().to_string(),
        }));
    }

    /// The bot token is refused or accepted; the app is not told.
    pub fn token_works(&self, works: bool) {
        self.shared.change(|ws, _| ws.revoked = !works);
    }

    /// The app is removed from the workspace.
    pub fn uninstall(&self) {
        self.shared.change(|ws, _| ws.revoked = true);
        let event_ts = self.shared.now().as_second().to_string();
        self.shared.event(json!({"type": "app_uninstalled", "event_ts": event_ts}));
    }

    /// Takes scopes away from the bot token.
    pub fn without_scopes(&self, scopes: &[&str]) {
        self.shared.change(|ws, _| ws.scopes.retain(|s| !scopes.contains(&s.as_str())));
    }
}
