
# from 1.20 on a server with raft storage does not start without a word on this
disable_mlock = true
