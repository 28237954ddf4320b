# Our netfront in a guest gets the network from Linux's netback in dom0: ping both ways, all sizes; TCP, content
# verified by digest, over IPv4 and IPv6, with an MTU of 9000 too; datagrams, of which no frame is lost; and again
# after a close.
# guests: pv pvh
# timeout: 600
# needs: xenring

. /lab/netfront.sh
start_linux_netback
attach_netfront
ping_all_sizes
prepare_transfers
transfer_both_ways
datagrams "$GUEST" dom0 10.9.0.1 20000
datagrams dom0 "$GUEST" 10.9.0.2 20000
tcp_both_ways
jumbo_frames
stop_netfront
start_netfront --untrusted
pings dom0 "ping -c 2 -W 10 -s 4000 10.9.0.2"
detach_netfront
stop_linux_netback
