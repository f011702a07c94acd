// Texts that more than one page needs: what the protocol's codes mean to a person.

import type { EndReason, ErrorCode } from '../protocol/generated.ts';
import { catalogue } from './i18n.ts';

const errorsEn: Record<ErrorCode, string> = {
  malformed: 'That could not be read by the server.',
  unknown_message: 'The server does not know this request. Reload the page.',
  invalid: 'That is not valid.',
  too_large: 'That is too long.',
  out_of_order: 'That is not possible right now.',
  version: 'This page is out of date. Reload it.',
  unauthorized: 'You are not signed in.',
  forbidden: 'You may not do that.',
  origin: 'Support is not set up for this site.',
  not_found: 'It does not exist any more.',
  taken: 'A colleague was faster.',
  viewer_offline: 'The viewer is not on line.',
  call_running: 'A call is already running.',
  bad_sdp: 'The media connection could not be set up.',
  rate_limited: 'Too fast. Wait a moment and try again.',
  overloaded: 'Support is very busy. Try again in a moment.',
  internal: 'Something went wrong on our side.',
};

const errorsZh: Record<ErrorCode, string> = {
  malformed: '服务器无法读取该内容。',
  unknown_message: '服务器不认识此请求，请刷新页面。',
  invalid: '内容无效。',
  too_large: '内容太长。',
  out_of_order: '现在无法执行此操作。',
  version: '页面版本过旧，请刷新。',
  unauthorized: '您尚未登录。',
  forbidden: '您没有此权限。',
  origin: '此网站尚未开通客服。',
  not_found: '内容已不存在。',
  taken: '已被同事接入。',
  viewer_offline: '观众不在线。',
  call_running: '已有进行中的通话。',
  bad_sdp: '无法建立媒体连接。',
  rate_limited: '操作太快，请稍后再试。',
  overloaded: '客服繁忙，请稍后再试。',
  internal: '服务器出错了。',
};

const endReasonsEn: Record<EndReason, string> = {
  declined: 'The viewer declined',
  unanswered: 'The invitation was not answered',
  cancelled: 'The invitation was withdrawn',
  viewer_stopped: 'The viewer stopped sharing',
  capture_ended: 'Sharing was stopped in the browser',
  agent_ended: 'The agent ended the call',
  viewer_left: 'The viewer left the page',
  agent_left: 'The agent left',
  viewer_lost: 'The viewer lost the connection',
  agent_lost: 'The agent lost the connection',
  media_failed: 'The connection was lost',
  server_restarted: 'The server was restarted',
  server_shutdown: 'The server is shutting down',
  worker_failed: 'The media server failed',
  conversation_closed: 'The conversation was closed',
};

const endReasonsZh: Record<EndReason, string> = {
  declined: '观众已拒绝',
  unanswered: '邀请未获回应',
  cancelled: '邀请已撤回',
  viewer_stopped: '观众停止了共享',
  capture_ended: '已在浏览器中停止共享',
  agent_ended: '客服结束了通话',
  viewer_left: '观众离开了页面',
  agent_left: '客服已离开',
  viewer_lost: '观众的网络中断',
  agent_lost: '客服的网络中断',
  media_failed: '连接中断',
  server_restarted: '服务器已重启',
  server_shutdown: '服务器正在关闭',
  worker_failed: '媒体服务器故障',
  conversation_closed: '会话已关闭',
};

/** `errorTexts(lang)[code]`: what a refusal means. */
export const errorTexts = catalogue(errorsEn, errorsZh);

/** `endReasonTexts(lang)[reason]`: why a call ended, as an agent reads it. */
export const endReasonTexts = catalogue(endReasonsEn, endReasonsZh);
