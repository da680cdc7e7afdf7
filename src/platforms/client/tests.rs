use super::*;
use crate::clock::ManualClock;
use futures::poll;
use std::pin::pin;

fn reply(status: u16, headers: &[(&'static str, &str)]) -> Reply {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }
    Reply { status: StatusCode::from_u16(status).unwrap(), headers: map, body: Vec::new() }
}

#[test]
fn a_delay_is_full_jitter_and_what_is_asked_for_wins_when_longer() {
    let ms = |attempt, chance, asked| pace::delay(attempt, chance, asked).as_millis();
    assert_eq!((ms(1, 1.0, None), ms(2, 0.5, None), ms(3, 0.0, None)), (2_000, 2_000, 0));
    assert_eq!(ms(40, 1.0, None), 60_000, "a minute at most");
    assert_eq!((ms(1, 0.5, Some(7)), ms(5, 1.0, Some(7))), (7_000, 32_000));
}

#[test]
fn retry_after_is_read_as_seconds_and_as_a_date() {
    assert_eq!(retry_after(&reply(429, &[("retry-after", "12")])), Some(12));
    assert_eq!(retry_after(&reply(429, &[("retry-after", "0.3")])), Some(1));
    let date = [("retry-after", "Wed, 17 Sep 2025 09:00:30 GMT"), ("date", "Wed, 17 Sep 2025 09:00:10 GMT")];
    assert_eq!(retry_after(&reply(503, &date)), Some(20));
    assert_eq!(retry_after(&reply(503, &[])), None);
}

#[test]
fn a_status_says_what_to_do() {
    let code = |status| match by_status(&reply(status, &[])) {
        Verdict::Good => None,
        Verdict::Again { code, .. } => Some((code, true)),
        Verdict::Bad { code, .. } => Some((code, false)),
    };
    assert_eq!(code(204), None);
    for status in [408, 409, 425, 500, 502, 503, 504] {
        assert_eq!(code(status), Some((Code::Unavailable, true)), "{status}");
    }
    assert_eq!(code(429), Some((Code::RateLimited, true)));
    assert_eq!(code(401), Some((Code::Invalid, false)));
    for status in [301, 400, 422] {
        assert_eq!(code(status), Some((Code::Request, false)), "{status}");
    }
}

#[tokio::test]
async fn a_bucket_lets_a_burst_through_and_then_keeps_the_pace_less_a_fifth() {
    let clock = ManualClock::at("2025-09-17T09:00:00Z".parse().unwrap());
    let bucket = Bucket::new(Budget { per_second: 1.0, burst: 2.0 }, clock.clone());
    bucket.take().await;
    bucket.take().await;
    let mut third = pin!(bucket.take());
    assert!(poll!(&mut third).is_pending());
    clock.advance(Duration::from_millis(1_200));
    assert!(poll!(&mut third).is_pending());
    clock.advance(Duration::from_millis(100));
    third.await;
}

#[tokio::test]
async fn a_quota_that_runs_out_slows_and_then_stops() {
    let clock = ManualClock::at("2025-09-17T09:00:00Z".parse().unwrap());
    let bucket = Bucket::new(Budget { per_second: 1.0, burst: 1.0 }, clock.clone());
    bucket.take().await;
    bucket.heed(Quota { used: 0.8, resets_in: None });
    let mut next = pin!(bucket.take());
    assert!(poll!(&mut next).is_pending());
    clock.advance(Duration::from_millis(2_400));
    assert!(poll!(&mut next).is_pending(), "half the pace");
    clock.advance(Duration::from_millis(200));
    next.await;
    bucket.heed(Quota { used: 0.95, resets_in: Some(300) });
    let mut later = pin!(bucket.take());
    clock.advance(Duration::from_secs(299));
    assert!(poll!(&mut later).is_pending());
    clock.advance(Duration::from_secs(2));
    later.await;
}

#[test]
fn no_error_repeats_a_secret() {
    let voice = Voice::new("plausible", "pages", vec![SecretString::from("cana ry/1".to_owned())]);
    let error =
        voice.error(Code::Invalid, "token cana ry/1 or cana+ry%2F1 is bad", "cana ry/1", "enter it again");
    assert_eq!(
        error.message,
        "plausible pages: token [secret] or [secret] is bad ([secret]) — enter it again"
    );
}

/// A client that answers come to at once, for as long as its run may last.
fn client(clock: SharedClock, public_only: bool) -> Http {
    rustls::crypto::ring::default_provider().install_default().ok();
    Http::new(Parts {
        clock,
        chance: Arc::new(|| 0.5),
        limits: Limits { attempts: 1, ..Limits::default() },
        budget: Budget { per_second: 100.0, burst: 100.0 },
        cancel: CancellationToken::new(),
        voice: Voice::new("fernhill", "site", Vec::new()),
        public_only,
    })
    .unwrap()
}

#[tokio::test]
async fn a_name_of_this_network_is_not_connected_to() {
    let clock = ManualClock::at("2025-09-17T09:00:00Z".parse().unwrap());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://localhost:{}/", listener.local_addr().unwrap().port());
    let router = axum::Router::new().fallback(async || "here");
    tokio::spawn(async move { axum::serve(listener, router).await });
    let ask = Ask::get(Url::parse(&url).unwrap());
    let error = client(clock.clone(), true).send(&ask).await.unwrap_err();
    assert_eq!(error.code, Code::MissingConfig, "{error}");
    assert!(error.message.contains("leads into this network"), "{error}");
    assert_eq!(client(clock, false).send(&ask).await.unwrap().body, b"here");
}

#[tokio::test]
async fn a_run_goes_on_for_two_hours_and_no_longer() {
    let clock = ManualClock::at("2025-09-17T09:00:00Z".parse().unwrap());
    let http = client(clock.clone(), true);
    clock.advance(Duration::from_secs(7_200));
    assert!(http.go_on().is_ok());
    clock.advance(Duration::from_secs(1));
    let error = http.go_on().unwrap_err();
    assert_eq!(error.code, Code::Cancelled);
    assert!(error.message.contains("stopped after 120 minutes"), "{error}");
}
