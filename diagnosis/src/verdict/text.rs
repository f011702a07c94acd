//! What a verdict says in words, in Chinese and English, with the two or three numbers that decide.

use serde::{Deserialize, Serialize};

use super::evidence::{Evidence, EvidenceKind};
use super::{Cause, When};

/// Numbers in a sentence.
const NUMBERS_MAX: usize = 3;

/// A sentence in the languages of the product.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl Text {
    pub(super) fn of(zh: &str, en: &str) -> Self {
        Self { zh: zh.to_owned(), en: en.to_owned() }
    }
}

/// The verdict in one sentence for each reader.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sentences {
    /// For the viewer.
    pub viewer: Text,
    /// For the agent.
    pub agent: Text,
}

pub(super) fn summary(
    cause: Cause,
    evidence: &[Evidence],
    also: Option<Cause>,
    when: Option<When>,
    own_share: bool,
) -> Sentences {
    let numbers: Vec<Text> = evidence.iter().take(NUMBERS_MAX).map(Evidence::text).collect();
    let zh: Vec<&str> = numbers.iter().map(|text| text.zh.as_str()).collect();
    let en: Vec<&str> = numbers.iter().map(|text| text.en.as_str()).collect();
    let (lead_zh, lead_en) = agent_lead(cause);
    let (to_viewer_zh, to_viewer_en) = viewer_lead(cause);
    let (mut more_zh, mut more_en) = (String::new(), String::new());
    if let Some(also) = also {
        let (zh, en) = agent_lead(also);
        more_zh.push_str(&format!("；另外：{zh}"));
        more_en.push_str(&format!("; also: {en}"));
    }
    if when == Some(When::Earlier) {
        more_zh.push_str("（现在没有重现，按之前的记录判断）");
        more_en.push_str(" (not there now; judged by what was recorded before)");
    }
    if own_share {
        more_zh.push_str("（卡顿与我们的屏幕共享同时开始，不计入观众）");
        more_en.push_str(" (a shortage began with our own screen share and is not the viewer's)");
    }
    Sentences {
        viewer: Text {
            zh: joined(to_viewer_zh, &zh, "：", "，", "。"),
            en: joined(to_viewer_en, &en, ": ", ", ", "."),
        },
        agent: Text {
            zh: joined(lead_zh, &zh, "：", "，", &format!("{more_zh}。")),
            en: joined(lead_en, &en, ": ", ", ", &format!("{more_en}.")),
        },
    }
}

fn joined(lead: &str, parts: &[&str], colon: &str, comma: &str, end: &str) -> String {
    if parts.is_empty() { format!("{lead}{end}") } else { format!("{lead}{colon}{}{end}", parts.join(comma)) }
}

fn agent_lead(cause: Cause) -> (&'static str, &'static str) {
    match cause {
        Cause::ViewerNetwork => ("观众的网络", "The viewer's network"),
        Cause::ViewerDevice => ("观众的设备或浏览器", "The viewer's device or browser"),
        Cause::PlatformDelivery => ("平台的分发（CDN）", "The platform's delivery"),
        Cause::PlatformSource => ("平台的直播源", "The platform's source"),
        Cause::MediaServer => ("通话的媒体服务器", "The call's media server"),
        Cause::AgentNetwork => ("客服自己的网络", "The agent's own network"),
        Cause::AgentDevice => ("客服自己的设备", "The agent's own device"),
        Cause::NoneObserved => ("没有观察到问题", "Nothing wrong was observed"),
        Cause::Undetermined => ("现有数据无法判断原因", "What was measured does not decide the cause"),
    }
}

fn viewer_lead(cause: Cause) -> (&'static str, &'static str) {
    match cause {
        Cause::ViewerNetwork => ("您的网络连接不稳定或速度不够", "Your connection is unsteady or too slow"),
        Cause::ViewerDevice => ("您的设备或浏览器跟不上播放", "Your device or browser does not keep up"),
        Cause::PlatformDelivery => {
            ("问题在我们的分发线路，不在您这边", "The trouble is in our delivery, not on your side")
        }
        Cause::PlatformSource => ("问题在直播源，不在您这边", "The trouble is in the stream itself, not on your side"),
        Cause::MediaServer => {
            ("问题在我们的通话服务器，不在您这边", "The trouble is in our call server, not on your side")
        }
        Cause::AgentNetwork => {
            ("问题在客服的网络，不在您这边", "The trouble is in the agent's network, not on your side")
        }
        Cause::AgentDevice => {
            ("问题在客服的设备，不在您这边", "The trouble is in the agent's device, not on your side")
        }
        Cause::NoneObserved => ("我们目前没有看到问题", "We see nothing wrong at the moment"),
        Cause::Undetermined => ("我们还不能确定原因", "We cannot tell the cause yet"),
    }
}

impl Evidence {
    /// The fact with its number, in words.
    #[must_use]
    pub fn text(&self) -> Text {
        let (zh, en) = phrase(self.kind);
        let number = number(self.value);
        let value = match self.unit.as_str() {
            "" => number,
            "%" => format!("{number} %"),
            unit => format!("{number} {unit}"),
        };
        Text { zh: zh.replace("{v}", &value), en: en.replace("{v}", &value) }
    }
}

/// A number as it is read: whole, or with one digit.
fn number(value: f64) -> String {
    if (value - value.round()).abs() < 0.05 { format!("{value:.0}") } else { format!("{value:.1}") }
}

// tidy: long because it is a table, a row a kind.
fn phrase(kind: EvidenceKind) -> (&'static str, &'static str) {
    use EvidenceKind as Kind;
    match kind {
        Kind::PlayerStalled => ("画面共卡顿 {v}", "the picture waited {v} for data"),
        Kind::PlayerNeverStalled => ("播放没有卡顿", "the picture never waited for data"),
        Kind::RequestWithoutAnswer => ("视频请求 {v} 没有任何回应", "a request for video has had no answer for {v}"),
        Kind::RequestUnfinished => ("视频请求 {v} 还没有完成", "a request for video has taken {v} and is not done"),
        Kind::SlowSegments => ("视频片段的下载时间是其时长的 {v}", "segments take {v} of their length to load"),
        Kind::SlowFirstByte => ("视频片段的首字节要等 {v}", "the first byte of segments takes {v}"),
        Kind::PromptFirstByte => ("首字节很快（{v}）", "the first byte comes soon ({v})"),
        Kind::SegmentErrors => ("{v} 个视频片段请求失败", "{v} requests for segments failed"),
        Kind::SegmentsBroken => ("{v} 个视频片段中途断开", "{v} segments broke off on the way"),
        Kind::MediaErrors => {
            ("播放器报告 {v} 个解析或解码错误", "the player reports {v} errors of parsing or decoding")
        }
        Kind::PlaylistStale => ("播放列表 {v} 没有更新", "the playlist has told nothing new for {v}"),
        Kind::NothingNew => (
            "播放器连续 {v} 次请求播放列表，没有新内容",
            "the player asked for the playlist {v} times without finding anything new",
        ),
        Kind::ListsPrompt => {
            ("同一服务器的小请求立即得到回应（{v}）", "the same host answers small requests at once ({v})")
        }
        Kind::ListsSlow => {
            ("同一服务器的小请求也比之前慢 {v}", "small requests to the same host take up to {v} longer than before")
        }
        Kind::ListsUneven => {
            ("同一服务器的部分小请求慢了 {v}", "some small requests to the same host take {v} longer than others")
        }
        Kind::NeverStarted => {
            ("播放器 {v} 以来没有显示过画面", "the player has not shown a picture for {v}, since its start")
        }
        Kind::FetchedAgain => {
            ("同一片段下载了 {v} 次仍无法播放", "the same segment was fetched {v} times and could not be played")
        }
        Kind::FramesDropped => ("丢弃了 {v} 的画面帧", "{v} of the frames are dropped"),
        Kind::NoFramesDropped => ("几乎没有丢帧（{v}）", "hardly any frame is dropped ({v})"),
        Kind::DecodeOverBudget => ("解码占每帧时间的 {v}", "decoding takes {v} of a frame's time"),
        Kind::PlayerStuck => ("播放时间在走但 {v} 没有新画面", "time goes on without a new frame for {v}"),
        Kind::MainThreadBlocked => ("页面主线程 {v} 的时间被占用", "the page's main thread is blocked {v} of the time"),
        Kind::DevicePressure => ("处理器压力等级 {v}（共 3 级）", "the processor's pressure is {v} of 3"),
        Kind::DeviceCalm => ("页面空闲（占用 {v}）", "the page has time to spare (blocked {v})"),
        Kind::EncoderCpuLimited => ("编码占用 {v} 的时间", "encoding takes {v} of the time"),
        Kind::LineLoss => ("线路检测丢包 {v}", "the line check loses {v} of its packets"),
        Kind::LineJitter => ("线路检测抖动 {v}", "the line check has {v} of jitter"),
        Kind::LineBufferbloat => ("线路有负载时延迟增加 {v}", "the line's round trip grows by {v} under load"),
        Kind::PingRaised => ("网络往返时间比平时高 {v}", "the round trip is {v} above its usual"),
        Kind::LineClean => ("线路正常（{v}）", "the line is clean ({v})"),
        Kind::LineTooSlow => ("线路只有 {v}，低于视频所需", "the line carries {v}, less than the video needs"),
        Kind::LineFastEnough => ("线路有 {v}，远高于视频所需", "the line carries {v}, far more than the video needs"),
        Kind::HostSlow => {
            ("视频服务器只给出 {v}，线路可以更快", "the video's host gives {v}, while the line carries more")
        }
        Kind::HostAnswersLate => ("视频服务器要 {v} 才回应", "the video's host takes {v} to answer"),
        Kind::HostRefuses => ("视频服务器返回状态 {v}", "the video's host answers with status {v}"),
        Kind::UplinkLoss => ("观众发出的数据丢失 {v}", "{v} of the viewer's packets are lost"),
        Kind::UplinkJitter => ("观众的数据抖动 {v}", "the viewer's packets have {v} of jitter"),
        Kind::UplinkRttRaised => ("观众的往返时间比平时高 {v}", "the viewer's round trip is {v} above its usual"),
        Kind::UplinkLimited => ("观众的上行只有 {v}", "the viewer's uplink carries {v}"),
        Kind::DownlinkLoss => ("发给观众的数据丢失 {v}", "{v} of the packets to the viewer are lost"),
        Kind::ViewerCallClean => {
            ("观众一侧的通话正常（丢包 {v}）", "the viewer's side of the call is clean (loss {v})")
        }
        Kind::EgressLoss => ("服务器之后丢失 {v}", "{v} of the packets are lost after the server"),
        Kind::AgentLoss => ("客服一侧缺少 {v} 的数据", "{v} of the packets are missing at the agent"),
        Kind::AgentJitter => ("客服一侧抖动 {v}", "the agent's packets have {v} of jitter"),
        Kind::AgentRttRaised => ("客服的往返时间比平时高 {v}", "the agent's round trip is {v} above its usual"),
        Kind::AgentUplinkLoss => ("客服发出的数据丢失 {v}", "{v} of the agent's packets are lost"),
        Kind::AgentLineLoss => ("客服线路检测丢包 {v}", "the agent's line check loses {v} of its packets"),
        Kind::AgentLineClean => ("客服线路正常（丢包 {v}）", "the agent's line is clean (loss {v})"),
        Kind::ServerDrops => ("媒体服务器没有转发 {v} 的数据", "the media server kept back {v} of the packets"),
        Kind::ServerLate => ("媒体服务器处理延迟或占用 {v}", "the media server is late or busy ({v})"),
        Kind::AgentFreeze => ("客服看到的画面每秒停顿 {v}", "the agent's picture freezes {v} a second"),
        Kind::AgentStuck => ("客服一侧 {v} 收到数据但没有画面", "packets bring no picture at the agent for {v}"),
        Kind::AgentDecodeOverBudget => ("客服设备解码占用 {v} 的时间", "decoding takes {v} of the time at the agent"),
        Kind::AgentFramesDropped => ("客服设备丢弃 {v} 的画面帧", "the agent's device drops {v} of the frames"),
        Kind::AgentMainThreadBlocked => ("客服页面 {v} 的时间被占用", "the agent's page is blocked {v} of the time"),
        Kind::AgentDevicePressure => {
            ("客服处理器压力等级 {v}（共 3 级）", "the agent's processor pressure is {v} of 3")
        }
        Kind::PictureStopped => {
            ("画面静止了 {v}，数据仍在更新", "the picture has stood still for {v} while frames go on")
        }
        Kind::PictureBlack => ("{v} 的画面是黑的", "{v} of the frames are black"),
        Kind::PictureDamaged => ("{v} 的画面有损坏", "{v} of the frames are damaged"),
        Kind::ReferenceLikewise => {
            ("我们直接拉流也看到同样的问题（{v}）", "our own fetch of the stream shows the same ({v})")
        }
        Kind::ReferenceSound => ("我们直接拉流画面正常（{v}）", "our own fetch of the stream is sound ({v})"),
        Kind::ReferenceSlow => ("我们直接拉流也慢或失败（{v}）", "our own fetch of the stream is slow or fails ({v})"),
        Kind::ReferenceQuick => ("我们直接拉流很快（{v}）", "our own fetch of the stream is quick ({v})"),
        Kind::OthersOnEdge => ("同一节点 {v} 的其他观众也有问题", "{v} of the others on the same host are affected"),
        Kind::OthersOnStream => {
            ("同一直播 {v} 的其他观众也有问题", "{v} of the others on the same stream are affected")
        }
        Kind::OthersInNetwork => {
            ("同一网络 {v} 的其他观众也有问题", "{v} of the others in the same network are affected")
        }
        Kind::OthersWithDevice => {
            ("同类设备 {v} 的其他观众也有问题", "{v} of the others with the same device are affected")
        }
        Kind::OthersOnNode => {
            ("同一媒体服务器 {v} 的其他通话也有问题", "{v} of the other calls of the same server are affected")
        }
        Kind::OthersFine => ("其他观众正常（{v} 有问题）", "others are fine ({v} affected)"),
    }
}
