//! What an `Authorization` header says.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;

/// Longest password: bcrypt looks at no more bytes, so that a longer one would be as good as its beginning.
const MAX_PASSWORD: usize = 72;

/// What was presented. `Debug` is not derived: it holds secrets.
#[derive(PartialEq, Eq)]
pub(super) enum Presented {
    Nothing,
    Password {
        user: String,
        password: Vec<u8>,
    },
    Token(Vec<u8>),
    /// Of no known scheme, or badly written, or more than one.
    Unusable,
}

/// Reads the one header there may be.
pub(super) fn presented(headers: &HeaderMap) -> Presented {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (None, _) => Presented::Nothing,
        (Some(value), None) => read(value.as_bytes()).unwrap_or(Presented::Unusable),
        _ => Presented::Unusable,
    }
}

fn read(value: &[u8]) -> Option<Presented> {
    let text = std::str::from_utf8(value).ok()?;
    let (scheme, rest) = text.split_once(' ')?;
    let credentials = rest.trim();
    if scheme.eq_ignore_ascii_case("basic") {
        password(credentials)
    } else if scheme.eq_ignore_ascii_case("bearer") && !credentials.is_empty() {
        Some(Presented::Token(credentials.as_bytes().to_vec()))
    } else {
        None
    }
}

fn password(encoded: &str) -> Option<Presented> {
    let decoded = STANDARD.decode(encoded).ok()?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    let user = std::str::from_utf8(&decoded[..colon]).ok()?.to_owned();
    let password = decoded[colon + 1..].to_vec();
    // Behind a NUL, bcrypt begins from the front: one hash would have many passwords.
    let is_usable = password.len() <= MAX_PASSWORD && !password.contains(&0);
    is_usable.then_some(Presented::Password { user, password })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(values: &[&str]) -> Presented {
        let mut headers = HeaderMap::new();
        for value in values {
            let value = HeaderValue::from_str(value).expect("a header value");
            headers.append(AUTHORIZATION, value);
        }
        presented(&headers)
    }

    fn basic(user: &str, password: &str) -> Presented {
        of(&[&format!(
            "Basic {}",
            STANDARD.encode(format!("{user}:{password}"))
        )])
    }

    #[test]
    fn passwords_and_tokens_are_read() {
        let pair = |user: &str, password: &str| Presented::Password {
            user: user.to_owned(),
            password: password.as_bytes().to_vec(),
        };
        assert!(of(&[]) == Presented::Nothing);
        assert!(basic("ann", "a:b") == pair("ann", "a:b"));
        assert!(basic("", "") == pair("", ""));
        assert!(basic("\u{e4}", "\u{f6}") == pair("\u{e4}", "\u{f6}"));
        assert!(of(&["BASIC YTpi"]) == pair("a", "b"));
        assert!(of(&["bearer  t.o-k=  "]) == Presented::Token(b"t.o-k=".to_vec()));
    }

    #[test]
    fn what_cannot_be_right_is_unusable() {
        for values in [
            &["Basic"][..],
            &["Basic ?"],
            &["Basic YQ=="],
            &["Bearer "],
            &["Digest x"],
            &["YTpi"],
            &["Basic YTpi", "Basic YTpi"],
        ] {
            assert!(of(values) == Presented::Unusable, "{values:?}");
        }
        assert!(basic("ann", &"a".repeat(72)) != Presented::Unusable);
        assert!(basic("ann", &"a".repeat(73)) == Presented::Unusable);
        assert!(basic("ann", "a\0b") == Presented::Unusable);
    }
}
