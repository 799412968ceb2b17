# Ruby's net/imap: every method of Net::IMAP, with its strict parser.
require "net/imap"
require "json"
HOST, PORT, TLS_PORT, PASSWORD, CERTIFICATE = ARGV
$stdout.sync = true

def plain(value)
  case value
  when Struct then plain(value.to_h.transform_keys(&:to_s).reject { |key, _| %w[raw_data tag].include?(key) })
  when Array then value.map { |each| plain(each) }
  when Hash then value.map { |key, each| [key.to_s, plain(each)] }.to_h
  when Symbol then value.to_s
  when String then value.dup.force_encoding("UTF-8").scrub
  else value
  end
end

def attempt(what)
  value = begin
    yield
  rescue StandardError => e
    "#{e.class} #{e.message}"
  end
  value = plain(value)
  value = value.is_a?(String) ? value : JSON.generate(value)
  value = value.gsub(/SESSIONID=<[^>]*>/, "").gsub(/\(\d+\.\d+ secs?\)|in \d+\.\d+ secs/, "TIME").gsub(/(APPENDUID|COPYUID) \d+/, '\1 N')
  puts "#{what}: #{value.delete("\r").tr("\n", "|")}"
end

def done(response) = response.name + (response.data.code && !%w[CAPABILITY HIGHESTMODSEQ MAILBOXID].include?(response.data.code.name) ? " " + response.data.code.name + " " + plain(response.data.code.data).to_s.sub(/^\d{10} /, "") : "")

def mail(n)
  "From: \"Ann \\\"#{n}\\\"\" <ann#{n}@example.org>\r\nSender: s@example.org\r\nReply-To: r@example.org\r\nTo: Group: a@example.org, B <b@example.org>;\r\nCc: c@example.org\r\n" \
    "Subject: #{n.odd? ? "Re: " : ""}ruby #{n / 2}\r\nMessage-ID: <ruby#{n}@x>\r\n" + (n.odd? ? "In-Reply-To: <ruby#{n - 1}@x>\r\nReferences: <ruby#{n - 1}@x>\r\n" : "") +
    "Date: Tue, 14 Nov 2023 22:13:2#{n} +0000\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"b\"; x=\"a \\\"quoted\\\" one\"\r\nContent-Language: en, de\r\n\r\n" \
    "--b\r\nContent-Type: text/plain; charset=utf-8; format=flowed\r\nContent-Transfer-Encoding: 8bit\r\nContent-MD5: Q2hlY2s=\r\nContent-Location: http://x/\r\n\r\nWörter #{n}\r\n" \
    "--b\r\nContent-Type: application/x-y\r\nContent-Description: nothing\r\nContent-Disposition: attachment; filename=\"\"\r\nContent-ID: <i@x>\r\n\r\n\r\n" \
    "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\nFrom: x@y\r\n\r\none\r\n--b\r\nContent-Type: multipart/digest; boundary=d\r\n\r\n--d\r\n\r\nSubject: in digest\r\n\r\ntext\r\n--d--\r\n--b--\r\n"
end

c = Net::IMAP.new(HOST, PORT)
attempt("greeting") { c.greeting.name }
attempt("capability") { %w[IMAP4REV1 STARTTLS AUTH=PLAIN IDLE SORT NOSUCH].map { |n| c.capability.include?(n) } }
attempt("login wrong") { c.login("bovik", "wrong") }
attempt("login") { done(c.login("bovik", PASSWORD)) }
attempt("capability after login") { %w[SORT THREAD=REFERENCES UIDPLUS MOVE NAMESPACE QUOTA ACL].map { |n| c.capability.include?(n) } }
attempt("id") { c.id("name" => "ruby").is_a?(Hash) }
attempt("namespace") { c.namespace }
attempt("noop") { done(c.noop) }
umlaut = Net::IMAP.encode_utf7("Ruby/Entwürfe")
["Ruby", "Ruby/Deep", umlaut, "With space", "With \"quotes\"", "Ruby"].each_with_index { |name, n| attempt("create #{n}") { done(c.create(name)) } }
attempt("list") { c.list("", "*").sort_by(&:name) }
attempt("list the delimiter") { c.list("", "") }
attempt("list nothing") { c.list("", "Nosuch*") }
attempt("xlist") { c.xlist("", "%").map(&:name).sort }
attempt("subscribe") { [c.subscribe("Ruby/Deep"), c.subscribe("With space"), c.subscribe(umlaut)].map { |r| done(r) } }
attempt("lsub") { c.lsub("", "*").sort_by(&:name) }
attempt("lsub %") { c.lsub("", "%").sort_by(&:name) }
attempt("unsubscribe") { done(c.unsubscribe("With space")) }
attempt("rename") { done(c.rename("Ruby/Deep", "Ruby/Deeper")) }
attempt("delete") { done(c.delete("With space")) }
attempt("delete nothing") { c.delete("Nosuch") }
8.times { |n| attempt("append #{n}") { done(c.append("Ruby", mail(n), n % 3 == 0 ? nil : [:Seen, "$Label#{n % 3}"], Time.utc(2023, 11, 1 + n, 10))) } }
attempt("append to nothing") { c.append("Nosuch", mail(1)) }
attempt("status") { c.status("Ruby", %w[MESSAGES RECENT UIDNEXT UNSEEN HIGHESTMODSEQ]) }
attempt("status nothing") { c.status("Nosuch", ["MESSAGES"]) }
attempt("select") { done(c.select("Ruby")) }
attempt("responses") { c.responses.transform_values { |v| v.is_a?(Array) ? v.map { |w| w.is_a?(Array) ? w.map(&:to_s).sort : w } : v }.slice("EXISTS", "RECENT", "FLAGS", "PERMANENTFLAGS", "UNSEEN", "UIDNEXT") }
attempt("fetch flags") { c.fetch(1..-1, "FLAGS").map { |f| f.attr["FLAGS"].map(&:to_s).sort } }
attempt("fetch envelope") { c.fetch(2, "ENVELOPE") }
attempt("fetch bodystructure") { c.fetch(2, "BODYSTRUCTURE") }
attempt("fetch body") { c.fetch(2, "BODY") }
attempt("fetch parts") { c.fetch(2, ["BODY.PEEK[1]", "BODY.PEEK[2]", "BODY.PEEK[3.HEADER]", "BODY.PEEK[3.TEXT]", "BODY.PEEK[4.1.HEADER]", "BODY.PEEK[1]<1.4>", "BODY.PEEK[4.MIME]"]) }
attempt("fetch headers") { c.fetch(2, "BODY.PEEK[HEADER.FIELDS (Subject DATE)]") }
attempt("fetch all") { c.fetch(2, "ALL").first.attr.keys.sort }
attempt("fetch full") { c.fetch(2, "FULL").first.attr.keys.sort }
attempt("fetch rfc822") { c.fetch(3, %w[RFC822 RFC822.HEADER RFC822.TEXT RFC822.SIZE INTERNALDATE]).map { |f| [f.attr["RFC822"] == mail(2), f.attr["RFC822.SIZE"] == mail(2).bytesize, f.attr["INTERNALDATE"], f.attr["RFC822.TEXT"].bytesize, f.attr["RFC822.HEADER"].bytesize] } }
attempt("fetch modseq") { c.fetch(3, "(UID MODSEQ)", changedsince: 1) rescue c.fetch(3, "(UID MODSEQ)") }
attempt("uid_fetch") { c.uid_fetch([1, 3..4, 100], "FLAGS").map { |f| f.attr["UID"] } }
attempt("uid_fetch nothing") { c.uid_fetch(100, "FLAGS") }
attempt("search") { c.search(%w[NOT SEEN]) }
attempt("search text") { c.search("SUBJECT \"ruby 1\"") }
attempt("search utf-8") { c.search(["BODY", "Wörter 3".b], "UTF-8") }
attempt("search iso-8859-1") { c.search(["TEXT", "WÖRTER 5".encode("ISO-8859-1").b], "ISO-8859-1") }
attempt("search bad charset") { c.search(["BODY", "x"], "X-NOSUCH") }
attempt("uid_search") { c.uid_search(["OR", "KEYWORD", "$Label1", "SENTSINCE", "15-Nov-2023"]) }
attempt("uid_search nothing") { c.uid_search(["DELETED"]) }
attempt("search set") { c.search([1..3, "UNDELETED"]) }
attempt("search modseq") { c.search(["MODSEQ", 1]) }
attempt("sort") { c.sort(["REVERSE", "SIZE"], ["ALL"], "UTF-8") }
attempt("uid_sort") { c.uid_sort(["SUBJECT", "REVERSE", "DATE"], ["NOT", "ANSWERED"], "US-ASCII") }
attempt("thread") { c.thread("REFERENCES", ["ALL"], "UTF-8") }
attempt("uid_thread") { c.uid_thread("ORDEREDSUBJECT", ["SEEN"], "UTF-8") }
def flags(list) = list && list.map { |f| f.attr["FLAGS"].map(&:to_s).sort }
attempt("store") { flags(c.store(1..2, "+FLAGS", [:Flagged, "Kw"])) }
attempt("store remove") { flags(c.store(2, "-FLAGS", [:Seen])) }
attempt("store silent") { c.store(3, "FLAGS.SILENT", [:Draft]) }
attempt("uid_store") { flags(c.uid_store(4, "FLAGS", [])) }
attempt("copy") { done(c.copy(1..2, "Ruby/Deeper")) }
attempt("uid_copy") { done(c.uid_copy([3, 5], "Ruby/Deeper")) }
attempt("move") { done(c.move(1, "Ruby/Deeper")) }
attempt("uid_move") { done(c.uid_move(2, "Ruby/Deeper")) }
attempt("copy to nothing") { c.copy(1, "Nosuch") }
attempt("expunge") { c.uid_store([3, 8], "+FLAGS.SILENT", [:Deleted]); c.expunge }
attempt("expunge nothing") { c.expunge }
attempt("check") { done(c.check) }
attempt("what is left") { c.uid_search(["ALL"]) }
attempt("setacl") { done(c.setacl("Ruby", "wes", "lrs")) }
attempt("getacl") { c.getacl("Ruby").map { |a| [a.user, a.rights] } }
attempt("deleteacl") { done(c.setacl("Ruby", "wes", nil)) }
attempt("getacl after") { c.getacl("Ruby").map { |a| [a.user, a.rights] } }
attempt("getquotaroot") { c.getquotaroot("Ruby").map { |r| r.is_a?(Net::IMAP::MailboxQuota) ? [r.mailbox, r.quota] : r } }
attempt("getquota") { c.getquota("INBOX") }
attempt("setquota") { c.setquota("INBOX", 5) }
admin = Net::IMAP.new(HOST, PORT)
admin.login("cyrus", PASSWORD)
attempt("admin, setquota") { done(admin.setquota("user/wes", 3000)) }
attempt("admin, getquota") { admin.getquota("user/wes") }
attempt("admin, no quota") { done(admin.setquota("user/wes", nil)) }
admin.logout
heard = []
c.add_response_handler { |r| heard << r.name if r.is_a?(Net::IMAP::UntaggedResponse) }
attempt("idle") do
  thread = Thread.new { sleep 1; o = Net::IMAP.new(HOST, PORT); o.login("bovik", PASSWORD); o.append("Ruby", mail(8)); o.logout; o.disconnect }
  c.idle(80) { |r| c.idle_done if r.is_a?(Net::IMAP::UntaggedResponse) && r.name == "EXISTS" }
  thread.join
  [c.responses["EXISTS"].last, heard.include?("EXISTS")]
end
attempt("idle without an event") { done(c.idle(1) { |_| nil }) }
attempt("examine") { done(c.examine("Ruby")) }
attempt("store in examine") { c.store(1, "+FLAGS", [:Seen]) }
attempt("close") { done(c.close) }
attempt("fetch without a mailbox") { c.fetch(1, "FLAGS") }
attempt("logout") { c.logout.name }
attempt("disconnect") { c.disconnect; c.disconnected? }
%w[PLAIN LOGIN CRAM-MD5].each { |how| attempt("authenticate #{how}") { x = Net::IMAP.new(HOST, PORT); r = x.authenticate(how, "bovik", PASSWORD); n = x.status("Ruby", ["MESSAGES"]); x.logout; x.disconnect; [r.name, n] } }
attempt("authenticate wrong") { Net::IMAP.new(HOST, PORT).authenticate("PLAIN", "bovik", "wrong") }
attempt("starttls") { x = Net::IMAP.new("localhost", PORT); x.starttls(ca_file: CERTIFICATE); x.login("bovik", PASSWORD); n = x.status("Ruby", ["MESSAGES"]); x.logout; n }
attempt("tls") { x = Net::IMAP.new("localhost", port: TLS_PORT, ssl: { ca_file: CERTIFICATE }); x.login("bovik", PASSWORD); n = x.status("Ruby", ["MESSAGES"]); x.logout; n }
attempt("end") { 1 }
