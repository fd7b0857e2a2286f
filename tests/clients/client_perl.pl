# Perl's HTTP clients. README.md says what it reads and writes.
use strict;
use warnings;
use MIME::Base64 qw(encode_base64);

use constant PIECE => 65536;
my ($name, $url, $ca, $version) = @ARGV;
$| = 1;

# A body whose length the client does not know.
sub in_pieces {
  my ($data) = @_;
  my $start = 0;
  return sub {
    my $piece = $start < length $data ? substr($data, $start, PIECE) : undef;
    $start += PIECE;
    return $piece;
  };
}

sub with_http_tiny {
  require HTTP::Tiny;
  my $client = HTTP::Tiny->new(keep_alive => 1, verify_SSL => 1, SSL_options => {SSL_ca_file => $ca}, timeout => 60);
  return sub {
    my ($request) = @_;
    my $content = $request->{chunked} ? in_pieces($request->{body}) : $request->{body};
    my $answer = $client->request($request->{method}, $url . $request->{path},
      {headers => $request->{headers}, defined $content ? (content => $content) : ()});
    # 599 is its own: there was no answer.
    die $answer->{content} if $answer->{status} == 599;
    return ($answer->{status}, '1.1', $answer->{content});
  };
}

sub with_lwp {
  require LWP::UserAgent;
  require HTTP::Request;
  my $client = LWP::UserAgent->new(keep_alive => 4, timeout => 60, ssl_opts => {SSL_ca_file => $ca});
  return sub {
    my ($request) = @_;
    my $asked = HTTP::Request->new($request->{method}, $url . $request->{path}, [%{$request->{headers}}]);
    $asked->content($request->{chunked} ? in_pieces($request->{body}) : $request->{body}) if defined $request->{body};
    my $answer = $client->request($asked);
    die $answer->status_line if ($answer->header('Client-Warning') // '') eq 'Internal response';
    return ($answer->code, $answer->protocol =~ s/HTTP\///r, $answer->content);
  };
}

my %clients = ('HTTP::Tiny' => \&with_http_tiny, 'LWP' => \&with_lwp);
my $ask = $clients{$name}->();
while (my $line = <STDIN>) {
  chomp $line;
  my ($method, $path, $file, $flags, @fields) = split /\t/, $line;
  my $body;
  if ($file ne '-') {
    open my $input, '<:raw', $file or die "$file: $!";
    local $/;
    $body = <$input>;
  }
  my %headers = map { split /: /, $_, 2 } @fields;
  my $request = {method => $method, path => $path, headers => \%headers, body => $body,
                 chunked => $flags =~ /chunked/};
  my ($status, $spoken, $content) = eval { $ask->($request) };
  if ($@) {
    print join("\t", 'failed', $@ =~ s/\s+/ /gr), "\n";
  } else {
    print join("\t", $status, $spoken, encode_base64($content, '')), "\n";
  }
}
