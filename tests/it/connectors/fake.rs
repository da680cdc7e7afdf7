//! Platforms as they are on the wire: one server, a strict handler a platform, and trouble on demand.
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;
use jiff::civil::Date;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

/// A request as it came in.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: Method,
    pub path: String,
    /// What stands behind the question mark.
    pub query: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Asked {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The parameters of the address.
    pub fn parameters(&self) -> BTreeMap<String, String> {
        form_urlencoded::parse(self.query.as_bytes()).into_owned().collect()
    }

    pub fn form(&self) -> BTreeMap<String, String> {
        form_urlencoded::parse(&self.body).into_owned().collect()
    }
}

/// What the platform has, and how it behaves.
#[derive(Clone, Debug)]
pub struct Knobs {
    /// Nothing ever happened in this account.
    pub empty: bool,
    /// The platform gives no more rows at once than this.
    pub page: usize,
    /// A field that nobody has heard of, in every row.
    pub unknown_field: bool,
    /// A required field is gone from every row.
    pub missing_field: bool,
    /// The second page is the first one again.
    pub repeat: bool,
    /// A day whose figures were corrected.
    pub restated: Option<Date>,
    /// The key that is right now.
    pub secret: String,
    /// The zone that the account says it has.
    pub zone: String,
    /// A request that goes well holds a part that did not.
    pub fails_in_part: bool,
}

impl Default for Knobs {
    fn default() -> Self {
        Self {
            empty: false,
            page: 1_000,
            unknown_field: false,
            missing_field: false,
            repeat: false,
            restated: None,
            secret: SECRET.to_owned(),
            zone: "Europe/Zurich".to_owned(),
            fails_in_part: false,
        }
    }
}

/// The canary: no log, error or record may hold it.
pub const SECRET: &str = "canary-7f3a-secret";

/// One platform.
pub trait Platform: Send + Sync + 'static {
    /// Answers with a status and a body; anything it would refuse in earnest it refuses here.
    fn answer(&self, asked: &Asked, knobs: &Knobs) -> (u16, Value);
    /// Requests that trouble is made for: those for figures, not those for tokens.
    fn is_data(&self, asked: &Asked) -> bool {
        let _ = asked;
        true
    }
    /// An answer that is no JSON: a file.
    fn bytes(&self, asked: &Asked, knobs: &Knobs) -> Option<Vec<u8>> {
        let _ = (asked, knobs);
        None
    }
}

/// What goes wrong with one request for data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    Status(u16),
    /// 429 with `Retry-After` of so many seconds.
    Slow(u32),
    /// 200, and half of the body.
    Cut,
    /// No answer at all.
    Hang,
}

struct Shared {
    platform: Box<dyn Platform>,
    knobs: Mutex<Knobs>,
    /// By number of the request for data, from 1; the number 0 is for all.
    trouble: Mutex<BTreeMap<usize, Trouble>>,
    asked: Mutex<Vec<Asked>>,
    count: watch::Sender<usize>,
}

#[derive(Clone)]
pub struct Fake {
    pub url: String,
    shared: Arc<Shared>,
}

impl Fake {
    pub async fn start(platform: Box<dyn Platform>) -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let shared = Arc::new(Shared {
            platform,
            knobs: Mutex::default(),
            trouble: Mutex::default(),
            asked: Mutex::default(),
            count: watch::Sender::new(0),
        });
        let state = shared.clone();
        let router =
            Router::new().fallback(move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
                let state = state.clone();
                async move { serve(&state, method, &uri, headers, body.to_vec()).await }
            });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, shared }
    }

    pub fn set(&self, change: impl FnOnce(&mut Knobs)) {
        change(&mut self.shared.knobs.lock().unwrap());
    }

    pub fn trouble(&self, request: usize, trouble: Trouble) {
        self.shared.trouble.lock().unwrap().insert(request, trouble);
    }

    /// From now on requests for data are counted from 1 again, and nothing goes wrong.
    pub fn anew(&self) {
        self.shared.trouble.lock().unwrap().clear();
        self.shared.asked.lock().unwrap().clear();
        self.shared.count.send_replace(0);
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// Until so many requests for data came in.
    pub async fn heard(&self, requests: usize) {
        self.shared.count.subscribe().wait_for(|count| *count >= requests).await.unwrap();
    }
}

async fn serve(shared: &Shared, method: Method, uri: &Uri, headers: HeaderMap, body: Vec<u8>) -> Response {
    let (path, query) = (uri.path().to_owned(), uri.query().unwrap_or_default().to_owned());
    let asked = Asked { method, path, query, headers, body };
    let data = shared.platform.is_data(&asked);
    let knobs = shared.knobs.lock().unwrap().clone();
    let mut trouble = None;
    if data {
        let number = *shared.count.borrow() + 1;
        let troubles = shared.trouble.lock().unwrap();
        trouble = troubles.get(&number).or_else(|| troubles.get(&0)).copied();
        drop(troubles);
        shared.asked.lock().unwrap().push(asked.clone());
        shared.count.send_replace(number);
    }
    let (status, mut bytes) = match trouble {
        Some(Trouble::Hang) => std::future::pending().await,
        Some(Trouble::Status(status)) => (status, written(&json!({"error": "trouble"}))),
        Some(Trouble::Slow(_)) => (429, written(&json!({"error": "slow down"}))),
        Some(Trouble::Cut) | None => match shared.platform.bytes(&asked, &knobs) {
            Some(file) => (200, file),
            None => {
                let (status, body) = shared.platform.answer(&asked, &knobs);
                (status, written(&body))
            }
        },
    };
    if trouble == Some(Trouble::Cut) {
        bytes.truncate(bytes.len() / 2);
    }
    let mut response = Response::builder()
        .status(StatusCode::from_u16(status).unwrap())
        .header("content-type", "application/json");
    if let Some(Trouble::Slow(seconds)) = trouble {
        response = response.header("retry-after", seconds.to_string());
    }
    response.body(Body::from(bytes)).unwrap()
}

fn written(body: &Value) -> Vec<u8> {
    serde_json::to_vec(body).unwrap()
}

/// A refusal in a platform's own form.
pub fn refused(status: u16, said: &str) -> (u16, Value) {
    (status, json!({ "error": said }))
}
