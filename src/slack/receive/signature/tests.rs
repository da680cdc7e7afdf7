use super::*;
use axum::http::HeaderValue;
use proptest::prelude::*;

// The vector of Slack's documentation ("Verifying requests from Slack").
const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
const AT: i64 = 1_531_420_618;
const BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
const MAC: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

fn headers(signature: &str, timestamp: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(SIGNATURE, HeaderValue::from_str(signature).unwrap());
    headers.insert(TIMESTAMP, HeaderValue::from_str(timestamp).unwrap());
    headers
}

fn verify(headers: &HeaderMap, now: i64, secret: &str, body: &[u8]) -> Result<(), Refused> {
    let now = Timestamp::from_second(now).unwrap();
    Claim::read(headers, now)?.check(&SecretString::from(secret), body)
}

#[test]
fn the_documented_vector_verifies_within_five_minutes_either_way() {
    let headers = headers(MAC, &AT.to_string());
    for skew in [-300, -1, 0, 1, 300] {
        assert_eq!(verify(&headers, AT + skew, SECRET, BODY.as_bytes()), Ok(()), "{skew}");
    }
    for skew in [-301, 301, -86_400, 86_400] {
        assert_eq!(verify(&headers, AT + skew, SECRET, BODY.as_bytes()), Err(Refused::Stale), "{skew}");
    }
}

#[test]
fn forgeries_do_not() {
    let good = headers(MAC, &AT.to_string());
    let body = BODY.as_bytes();
    let upper = format!("v0={}", MAC[3..].to_uppercase());
    for (headers, secret, body, why) in [
        (headers(MAC, &(AT + 1).to_string()), SECRET, body, Refused::Wrong),
        (headers(&MAC.replace("a2114d57", "a2114d56"), &AT.to_string()), SECRET, body, Refused::Wrong),
        (good.clone(), "8f742231b10e8888abcd99yyyzzz85a6", body, Refused::Wrong),
        (good.clone(), "", body, Refused::Wrong),
        (good.clone(), SECRET, BODY.replace("%2F", "/").leak().as_bytes(), Refused::Wrong),
        (good.clone(), SECRET, b"".as_slice(), Refused::Wrong),
        (headers(&MAC.replace("v0=", "v1="), &AT.to_string()), SECRET, body, Refused::Form),
        (headers(&MAC[3..], &AT.to_string()), SECRET, body, Refused::Form),
        (headers(&MAC[..60], &AT.to_string()), SECRET, body, Refused::Form),
        (headers("v0=", &AT.to_string()), SECRET, body, Refused::Form),
        (headers(&upper, &AT.to_string()), SECRET, body, Refused::Form),
        (headers(MAC, "now"), SECRET, body, Refused::Form),
        (headers(MAC, &format!("+{AT}")), SECRET, body, Refused::Form),
        (headers(MAC, &format!("-{AT}")), SECRET, body, Refused::Form),
        (headers(MAC, &format!("{AT}.0")), SECRET, body, Refused::Form),
        (headers(MAC, &format!("0{AT}")), SECRET, body, Refused::Wrong),
    ] {
        assert_eq!(verify(&headers, AT, secret, body), Err(why), "{headers:?}");
    }
    for name in [SIGNATURE, TIMESTAMP] {
        let mut some = good.clone();
        some.remove(name);
        assert_eq!(verify(&some, AT, SECRET, body), Err(Refused::Missing), "without {name}");
        let mut twice = good.clone();
        twice.append(name, good[name].clone());
        assert_eq!(verify(&twice, AT, SECRET, body), Err(Refused::Form), "two of {name}");
    }
}

proptest! {
    #[test]
    fn any_flipped_bit_of_body_or_signature_is_noticed(byte in 0..BODY.len(), bit in 0u8..8, place in 0usize..32) {
        let good = headers(MAC, &AT.to_string());
        let mut body = BODY.as_bytes().to_vec();
        body[byte] ^= 1 << bit;
        prop_assert_eq!(verify(&good, AT, SECRET, &body), Err(Refused::Wrong));
        let mut claim = Claim::read(&good, Timestamp::from_second(AT).unwrap()).unwrap();
        claim.mac[place] ^= 1 << bit;
        prop_assert_eq!(claim.check(&SecretString::from(SECRET), BODY.as_bytes()), Err(Refused::Wrong));
    }
}
