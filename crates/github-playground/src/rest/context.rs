//! The context of every handler: the caller, their permissions, and pagination.

use std::{
    collections::HashMap,
    sync::{Arc, MutexGuard},
};

use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest, FromRequestParts, MatchedPath, Path, Query, Request},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::{Value, json};

use super::shapes;
use crate::{
    acts::Writer,
    app_state::AppState,
    auth::{Caller, app_of_header},
    error::ApiError,
    state::{Access, Id, Repo, Role, Scope, State},
    view::{Urls, View},
};

/// The result of a handler.
pub(crate) type Answer = Result<Response, ApiError>;

pub(crate) struct Ctx {
    pub(crate) app_state: Arc<AppState>,
    pub(crate) caller: Caller,
    pub(crate) urls: Urls,
    pub(crate) headers: HeaderMap,
    pub(crate) of_issue_form: bool,
    /// The app through which a person acts. Its permissions limit theirs.
    pub(crate) through: Option<Id>,
    uri: Uri,
    query: HashMap<String, String>,
}

/// Marks a request from inside the process for one of the repository's issue forms. The form's labels are set, whoever
/// opens the issue.
/// <https://docs.github.com/en/communities/using-templates-to-encourage-useful-issues-and-pull-requests/syntax-for-issue-forms>
#[derive(Debug, Clone, Copy)]
pub(crate) struct OfIssueForm;

impl FromRequestParts<Arc<AppState>> for Ctx {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app_state: &Arc<AppState>) -> Result<Self, ApiError> {
        let caller = Caller::identify(app_state, &parts.headers)?;
        let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let urls = host.map_or_else(|| app_state.urls.clone(), |host| Urls::new(format!("http://{host}")));
        let uri =
            parts.extensions.get::<axum::extract::OriginalUri>().map_or_else(|| parts.uri.clone(), |uri| uri.0.clone());
        let query = Query::try_from_uri(&parts.uri).map(|Query(query)| query).unwrap_or_default();
        let of_issue_form = parts.extensions.get::<OfIssueForm>().is_some();
        let header = parts.headers.get(header::AUTHORIZATION).and_then(|header| header.to_str().ok());
        let through = header.and_then(|header| app_of_header(app_state, header));
        let headers = parts.headers.clone();
        Ok(Self { app_state: app_state.clone(), caller, urls, headers, of_issue_form, through, uri, query })
    }
}

impl Ctx {
    /// The model. Release the guard before any await.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.app_state.state()
    }

    /// The model as this caller sees it.
    pub(crate) fn view<'a>(&'a self, state: &'a State) -> View<'a> {
        View::new(state, &self.urls)
    }

    /// A parameter of the query string. An empty one counts as absent.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A repository that the caller may read in this scope; else GitHub's 404 or 403.
    pub(crate) fn read<'s>(
        &self,
        state: &'s State,
        (owner, name): (&str, &str),
        scopes: &[Scope],
    ) -> Result<&'s Repo, ApiError> {
        let repo = state.repo(owner, name).ok_or_else(ApiError::not_found)?;
        self.check_read(state, repo, scopes)?;
        Ok(repo)
    }

    fn check_read(&self, state: &State, repo: &Repo, scopes: &[Scope]) -> Result<(), ApiError> {
        let limited = self.through.is_some_and(|app| !state.app_may(app, repo, scopes, Access::Read));
        if limited && repo.private {
            return Err(ApiError::not_found());
        }
        match &self.caller {
            Caller::Anonymous if !repo.private => Ok(()),
            Caller::Anonymous => Err(ApiError::not_found()),
            Caller::App(_) => Err(ApiError::not_accessible()),
            Caller::User(id) => state.role(repo, *id).map(|_| ()).ok_or_else(ApiError::not_found),
            Caller::Installation(grant) => match (state.covers(grant, repo.id), repo.private) {
                (true, _) if state.allows(grant, scopes, Access::Read) => Ok(()),
                (true, _) => Err(ApiError::not_accessible()),
                (false, false) => Ok(()),
                (false, true) => Err(ApiError::not_found()),
            },
        }
    }

    /// A repository that the caller may change in this scope: a person by their role, an app by one of the permissions.
    /// An archived one cannot be changed.
    /// <https://docs.github.com/en/repositories/archiving-a-github-repository/archiving-repositories>
    pub(crate) fn write(
        &self,
        state: &State,
        at: (&str, &str),
        scopes: &[Scope],
        least: Role,
    ) -> Result<Writer, ApiError> {
        let writer = self.write_whole(state, at, scopes, least)?;
        if state.repo_by_id(writer.repo).archived { Err(ApiError::archived()) } else { Ok(writer) }
    }

    /// The same for acts that are also possible on an archived repository: unarchive, transfer, delete.
    pub(super) fn write_whole(
        &self,
        state: &State,
        (owner, name): (&str, &str),
        scopes: &[Scope],
        least: Role,
    ) -> Result<Writer, ApiError> {
        let repo = state.repo(owner, name).ok_or_else(ApiError::not_found)?;
        if self.through.is_some_and(|app| !state.app_may(app, repo, scopes, Access::Write)) {
            self.check_read(state, repo, scopes)?;
            return Err(ApiError::not_accessible());
        }
        let workflows = state.may_write_workflows(&self.caller, self.through, repo);
        match &self.caller {
            Caller::Anonymous if repo.private => Err(ApiError::not_found()),
            Caller::Anonymous => Err(ApiError::requires_authentication()),
            Caller::App(_) => Err(ApiError::not_accessible()),
            Caller::User(id) => match state.role(repo, *id) {
                None => Err(ApiError::not_found()),
                Some(role) if role >= least => Ok(Writer { repo: repo.id, actor: *id, via_app: false, workflows }),
                Some(_) => Err(ApiError::forbidden(format!("Must have {} rights to Repository.", least.name()))),
            },
            Caller::Installation(grant) => match (state.covers(grant, repo.id), repo.private) {
                (true, _) if state.allows(grant, scopes, Access::Write) => {
                    let actor = state.app_behind(grant.installation).bot;
                    Ok(Writer { repo: repo.id, actor, via_app: true, workflows })
                }
                (false, true) => Err(ApiError::not_found()),
                _ => Err(ApiError::not_accessible()),
            },
        }
    }

    /// The requested page of a list, with GitHub's `Link` header.
    /// <https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api>
    pub(crate) fn list<T>(&self, items: impl IntoIterator<Item = T>, show: impl Fn(T) -> Value) -> Response {
        let items: Vec<T> = items.into_iter().collect();
        self.list_of(items.len(), items, show)
    }

    /// The same for a list whose length is known: only the items of the page are read.
    pub(crate) fn list_of<T>(
        &self,
        count: usize,
        items: impl IntoIterator<Item = T>,
        show: impl Fn(T) -> Value,
    ) -> Response {
        let (page, link) = self.page(count, items);
        // Written one by one, because a hundred issues as values need ten times the memory of their text.
        let mut text = String::from("[");
        for (number, item) in page.enumerate() {
            text.push_str(if number == 0 { "" } else { "," });
            text.push_str(&show(item).to_string());
        }
        text.push(']');
        with_link(as_json(text.into_response()), link)
    }

    /// The same for the lists that GitHub wraps in an object with a `total_count`.
    pub(crate) fn counted_list<T>(
        &self,
        key: &str,
        items: impl IntoIterator<Item = T>,
        show: impl Fn(T) -> Value,
    ) -> Response {
        self.counted_list_with(json!({}), key, items, show)
    }

    /// The same with further members beside the list.
    pub(crate) fn counted_list_with<T>(
        &self,
        mut members: Value,
        key: &str,
        items: impl IntoIterator<Item = T>,
        show: impl Fn(T) -> Value,
    ) -> Response {
        let items: Vec<T> = items.into_iter().collect();
        members["total_count"] = json!(items.len());
        let (page, link) = self.page(items.len(), items);
        members[key] = page.map(show).collect();
        with_link(ok(members), link)
    }

    /// The requested page of a list with this many items, and its links.
    pub(super) fn page<T>(
        &self,
        count: usize,
        items: impl IntoIterator<Item = T>,
    ) -> (impl Iterator<Item = T>, Option<String>) {
        self.page_of(count, items, (30, 100))
    }

    /// The same for a resource with another page size and another limit.
    pub(super) fn page_of<T>(
        &self,
        count: usize,
        items: impl IntoIterator<Item = T>,
        (usual, most): (usize, usize),
    ) -> (impl Iterator<Item = T>, Option<String>) {
        let number = |name: &str| self.query(name).and_then(|value| value.parse::<usize>().ok());
        let size = number("per_page").unwrap_or(usual).clamp(1, most);
        let page = number("page").unwrap_or(1).max(1);
        let last = count.div_ceil(size).max(1);
        let shown = items.into_iter().skip((page - 1).saturating_mul(size)).take(size);
        let mut links = Vec::new();
        if page > 1 {
            links.push(self.link((page - 1).min(last), "prev"));
        }
        if page < last {
            links.push(self.link(page + 1, "next"));
            links.push(self.link(last, "last"));
        }
        if page > 1 {
            links.push(self.link(1, "first"));
        }
        (shown, (!links.is_empty()).then(|| links.join(", ")))
    }

    fn link(&self, page: usize, rel: &str) -> String {
        let kept = self.uri.query().unwrap_or_default().split('&');
        let mut query: Vec<&str> = kept.filter(|pair| !pair.is_empty() && !pair.starts_with("page=")).collect();
        let page = format!("page={page}");
        query.push(&page);
        format!("<{}?{}>; rel=\"{rel}\"", self.urls.web(self.uri.path()), query.join("&"))
    }
}

pub(super) fn with_link(mut response: Response, link: Option<String>) -> Response {
    if let Some(link) = link.and_then(|link| HeaderValue::from_str(&link).ok()) {
        response.headers_mut().insert(header::LINK, link);
    }
    response
}

/// 200 with a body.
pub(crate) fn ok(value: Value) -> Response {
    answer(StatusCode::OK, value)
}

/// 201 with a body.
pub(crate) fn created(value: Value) -> Response {
    answer(StatusCode::CREATED, value)
}

pub(crate) fn no_content() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// Any status with a body, under GitHub's content type.
pub(crate) fn answer(status: StatusCode, value: Value) -> Response {
    as_json((status, Json(value)).into_response())
}

fn as_json(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    response
}

/// Path parameters. If they cannot be parsed, the answer is 404.
pub(crate) struct At<T>(pub(crate) T);

impl<T, S> FromRequestParts<S> for At<T>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(value) = Path::<T>::from_request_parts(parts, state).await.map_err(|_| ApiError::not_found())?;
        Ok(Self(value))
    }
}

/// The JSON body, an object. An empty body counts as `{}`; a body that is not JSON gets 400; JSON of the wrong shape
/// gets 422.
pub(crate) struct Input<T>(pub(crate) T);

/// The same, but an array is also accepted.
pub(crate) struct AnyInput<T>(pub(crate) T);

impl<T, S> FromRequest<S> for Input<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let value = body(request, state).await?;
        // Serde would also read a struct from an array, member by member.
        if !value.is_object() {
            return Err(ApiError::semantic(format!("Invalid request.\n\n{value} is not an object.")));
        }
        shaped(value).map(Self)
    }
}

impl<T, S> FromRequest<S> for AnyInput<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        shaped(body(request, state).await?).map(Self)
    }
}

async fn body<S: Send + Sync>(request: Request, state: &S) -> Result<Value, ApiError> {
    let route = request.extensions().get::<MatchedPath>().map(|route| route.as_str().to_owned());
    let method = request.method().clone();
    let bytes = Bytes::from_request(request, state)
        .await
        .map_err(|_| ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "Payload too large"))?;
    let value = match bytes.as_ref() {
        b"" => json!({}),
        bytes => serde_json::from_slice(bytes)
            .map_err(|_| ApiError::new(StatusCode::BAD_REQUEST, "Problems parsing JSON"))?,
    };
    let fault = route.and_then(|route| shapes::fault(&method, &route, &value));
    fault.map_or(Ok(value), |fault| Err(ApiError::semantic(fault)))
}

/// A body of the right shape, or the 422 that names the fault.
pub(crate) fn shaped<T: DeserializeOwned>(value: Value) -> Result<T, ApiError> {
    serde_json::from_value(value).map_err(|error| ApiError::semantic(format!("Invalid request.\n\n{error}")))
}

/// A field of an edit, which may be absent, null or set.
#[derive(Debug, Default)]
pub(crate) enum Patch<T> {
    #[default]
    Keep,
    Clear,
    Set(T),
}

impl<T> Patch<T> {
    /// The value, if there is one.
    pub(crate) fn value(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }

    /// The same, but a value that `none` accepts counts as null.
    pub(crate) fn unless(self, none: impl FnOnce(&T) -> bool) -> Self {
        match self {
            Self::Set(value) if none(&value) => Self::Clear,
            other => other,
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::<T>::deserialize(deserializer)?.map_or(Self::Clear, Self::Set))
    }
}
