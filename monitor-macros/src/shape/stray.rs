//! `break` and `continue` outside of any loop: an error, whose words depend on what stands around them.

use proc_macro2::{TokenStream, TokenTree};

use crate::fragments::braced;

/// Whether a body may have one. Of a condition with braces in it, the first are taken for those of the loop.
pub(crate) fn has_a_stray_break(body: TokenStream) -> bool {
    let mut tokens = body.into_iter().peekable();
    let mut in_head = false;
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(word) => {
                let leaves = word == "break" || word == "continue";
                let labelled = matches!(tokens.peek(), Some(TokenTree::Punct(quote)) if quote.as_char() == '\'');
                if leaves && !labelled {
                    return true;
                }
                in_head |= word == "loop" || word == "while" || word == "for";
            }
            TokenTree::Group(body) if in_head && braced(body.clone()).is_ok() => {
                in_head = false;
            }
            TokenTree::Group(group) if has_a_stray_break(group.stream()) => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::has_a_stray_break;

    #[test]
    fn only_those_outside_of_a_loop_are_stray() {
        for (body, stray) in [
            ("break;", true),
            ("if x { continue }", true),
            ("loop { } break;", true),
            ("f(|x| { break })", true),
            ("loop { if x { break 1 } }", false),
            (
                "for x in y() { match x { 1 => continue, _ => break } }",
                false,
            ),
            ("'a: while let Some(x) = y { break }", false),
            ("'a: { break 'a 1 }", false),
        ] {
            let tokens = body
                .parse()
                .unwrap_or_else(|error| panic!("{body}: {error}"));
            assert_eq!(has_a_stray_break(tokens), stray, "{body}");
        }
    }
}
