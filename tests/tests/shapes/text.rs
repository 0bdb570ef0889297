//! Reading Rust source as far as needed here: which bytes are code, and where attributes stand.

use std::ops::Range;

/// A stretch of source that is no comment and no literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    /// A word: identifier, keyword, number.
    Word(Range<usize>),
    /// A sign.
    Sign(usize),
}

/// The words and signs of `text`, in order. Doc comments are text like any other: their code is code here.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        if let Some(length) = skipped(rest) {
            at += length;
            continue;
        }
        let word = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
        if word > 0 {
            tokens.push(Token::Word(at..at + word));
            at += word;
        } else {
            tokens.push(Token::Sign(at));
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    tokens
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// The length of the comment, the literal or the white space `rest` begins with.
fn skipped(rest: &str) -> Option<usize> {
    let doc = ["///", "//!"].iter().find(|doc| rest.starts_with(**doc));
    if let Some(doc) = doc {
        return Some(doc.len());
    }
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(rest.find("*/").map_or(rest.len(), |end| end + 2));
    }
    let first = rest.chars().next()?;
    match first {
        ' ' | '\n' => Some(1),
        '"' => Some(string(rest)),
        '\'' => Some(quote(rest)),
        _ => None,
    }
}

/// The length of a string literal, quotes included.
fn string(rest: &str) -> usize {
    let mut escaped = false;
    for (at, letter) in rest.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The length of a character literal, or of a lifetime.
fn quote(rest: &str) -> usize {
    let letters: Vec<(usize, char)> = rest.char_indices().take(4).collect();
    match letters[..] {
        [_, (_, '\\'), _, (end, '\'')] | [_, _, (end, '\''), ..] => end + 1,
        _ => {
            1 + rest[1..]
                .find(|c: char| !is_word(c))
                .unwrap_or(rest.len() - 1)
        }
    }
}

/// Words of attributes that are not there in a program that does not monitor.
const OURS: [&str; 4] = ["monitored", "monitor", "MonitorLabel", "MonitorError"];

/// Where attributes of the project stand, and where they are imported. Not under `macro_rules!` variables.
pub(crate) fn attributes(text: &str) -> Vec<Range<usize>> {
    let tokens = tokens(text);
    let imports = text.match_indices("use monitor_core::");
    let mut found: Vec<Range<usize>> = imports
        .filter_map(|(at, _)| Some(at..at + text[at..].find(';')? + 1))
        .collect();
    let sign = |token: &Token| match token {
        Token::Sign(at) => text[*at..].chars().next(),
        Token::Word(_) => None,
    };
    let mut index = 0;
    while index + 1 < tokens.len() {
        if (sign(&tokens[index]), sign(&tokens[index + 1])) == (Some('#'), Some('['))
            && let Some(length) = bracketed(&tokens[index + 1..], &sign)
        {
            let inside = &tokens[index..=index + length];
            let named = inside.iter().any(
                |token| matches!(token, Token::Word(word) if OURS.contains(&&text[word.clone()])),
            );
            if let (true, Token::Sign(from), Token::Sign(to)) =
                (named, &tokens[index], &tokens[index + length])
            {
                found.push(*from..to + 1);
            }
            index += length;
        }
        index += 1;
    }
    found
}

/// How many tokens there are from the bracket `tokens` begins with to the one that closes it.
fn bracketed(tokens: &[Token], sign: &impl Fn(&Token) -> Option<char>) -> Option<usize> {
    let mut depth = 0;
    for (index, token) in tokens.iter().enumerate() {
        match sign(token) {
            Some('[') => depth += 1,
            Some(']') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(index + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::attributes;

    #[test]
    fn attributes_are_found_in_code_and_in_documented_code_only() {
        let text = "#[inline] #[monitored(a = \"]\")] fn f() {} // #[monitored]\n/// #[monitored]\nlet a = '[';";
        let found: Vec<&str> = attributes(text)
            .into_iter()
            .map(|place| &text[place])
            .collect();
        assert_eq!(found, ["#[monitored(a = \"]\")]", "#[monitored]"]);
    }
}
