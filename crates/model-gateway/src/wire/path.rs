//! What a request's method and path ask for.

use http::Method;

use super::Api;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Call {
    /// Something that a model writes. Gemini names the model in the path, and whether the answer is a stream.
    Generate { api: Api, model: Option<String>, stream: Option<bool> },
    /// Something that costs nothing: the models there are, how many tokens a text has.
    Free,
    /// A look whether anybody is there.
    Ping,
}

/// `None` for what an agent has no use for. Much of it costs money that no reservation covers (batches, files, images,
/// fine-tuning).
pub(crate) fn call(method: &Method, path: &str) -> Option<Call> {
    let plain = path.strip_prefix("/v1beta").or_else(|| path.strip_prefix("/v1")).unwrap_or(path);
    let generate = |api| Some(Call::Generate { api, model: None, stream: None });
    match (method, plain) {
        (&Method::HEAD | &Method::GET, "/" | "") => Some(Call::Ping),
        (&Method::POST, "/messages") => generate(Api::Messages),
        (&Method::POST, "/responses") => generate(Api::Responses),
        (&Method::POST, "/chat/completions") => generate(Api::Chat),
        (&Method::POST, "/messages/count_tokens") | (&Method::GET, "/models") => Some(Call::Free),
        (&Method::GET, models) if models.strip_prefix("/models/").is_some_and(is_name) => Some(Call::Free),
        (&Method::POST, models) => gemini(models.strip_prefix("/models/")?),
        _ => None,
    }
}

fn gemini(rest: &str) -> Option<Call> {
    let (model, action) = rest.rsplit_once(':')?;
    let model = is_name(model).then(|| model.to_owned())?;
    let generate = |stream| Some(Call::Generate { api: Api::Gemini, model: Some(model), stream: Some(stream) });
    match action {
        "generateContent" => generate(false),
        "streamGenerateContent" => generate(true),
        "countTokens" => Some(Call::Free),
        _ => None,
    }
}

fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:@".contains(&byte);
    !text.is_empty() && !text.contains("..") && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_agents_ask_for_is_known() {
        let generate = |api| Some(Call::Generate { api, model: None, stream: None });
        assert_eq!(call(&Method::POST, "/v1/messages"), generate(Api::Messages));
        assert_eq!(call(&Method::POST, "/v1/responses"), generate(Api::Responses));
        assert_eq!(call(&Method::POST, "/chat/completions"), generate(Api::Chat));
        assert_eq!(call(&Method::GET, "/v1/models/claude-x"), Some(Call::Free));
        assert_eq!(call(&Method::HEAD, "/"), Some(Call::Ping));
        let gemini = Call::Generate { api: Api::Gemini, model: Some("gemini-x".to_owned()), stream: Some(true) };
        assert_eq!(call(&Method::POST, "/v1beta/models/gemini-x:streamGenerateContent"), Some(gemini));
    }

    #[test]
    fn everything_else_is_not() {
        for (method, path) in [
            (Method::POST, "/v1/messages/batches"),
            (Method::POST, "/v1/images/generations"),
            (Method::POST, "/v1/files"),
            (Method::DELETE, "/v1/models/x"),
            (Method::GET, "/v1/messages"),
            (Method::GET, "/v1/models/../files"),
            (Method::POST, "/v1beta/models/a/../b:generateContent"),
            (Method::POST, "/v1beta/models/x:batchGenerateContent"),
            (Method::POST, "/v1beta/models/:generateContent"),
            (Method::POST, "/v1/messages/"),
        ] {
            assert_eq!(call(&method, path), None, "{method} {path}");
        }
    }
}
